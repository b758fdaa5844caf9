"""Posteriors and merges that know what everything is conditioned on."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from variata.errors import ShapeError
from variata.nn import Joining


class ConditionedPosterior(nn.Module):
    """q(z | x, c): any head of q(z | x), whose features are joined with c first.

    Args:
        head: (h, features) -> distribution over z.
        features: F, of the features (B, F). context: C, of h (K, B, C).
        shared: whether all K have the same h, as where it is the condition of the batch.

    Without h it stands for a c of zeros, which is no example's (priors made of posteriors use it).

    Reference:
        Learning Structured Output Representation using Deep Conditional Generative Models
        (Sohn et al., 2015)

    >>> from variata.conditionals import GaussianPosterior
    >>> posterior = ConditionedPosterior(GaussianPosterior(8, 2), features=8, context=3)
    >>> posterior(torch.zeros(1, 5, 3), torch.zeros(5, 8)).batch_shape
    torch.Size([5])
    """

    def __init__(self, head: nn.Module, features: int, context: int, shared: bool = True) -> None:
        super().__init__()
        self.head, self.joining, self.shared = head, Joining(features, context), shared

    def forward(self, h: Tensor | None, features: Tensor) -> Distribution:
        context = self.joining.context
        if h is None:
            c = features.new_zeros(len(features), context)
        else:
            c = checked(h, context)[0] if self.shared else checked(h, context)
        return self.head(None, self.joining(features.expand(*c.shape[:-1], -1), c))

    @torch.no_grad()
    def start_linear(self, scale: Tensor) -> None:
        """As the head's own: the last features are not moved by c at the start."""
        self.joining.spare_last(len(scale))
        self.head.start_linear(scale)  # type: ignore[operator]


class JoinCondition:
    """The merge of a conditional model: what goes down is the latent and c, (K, B, Z + C).

    Args:
        context: C.

    >>> JoinCondition(3)(torch.zeros(2, 5, 3), torch.zeros(2, 5, 4)).shape
    torch.Size([2, 5, 7])
    """

    def __init__(self, context: int) -> None:
        self.context = context

    def __call__(self, h: Tensor | None, z: Tensor) -> Tensor:
        c = checked(h, self.context)
        return torch.cat([z, c.to(z.dtype).expand(*z.shape[:-1], -1)], -1)


def checked(h: Tensor | None, context: int) -> Tensor:
    """The condition of a batch, where it is there and of the right width.

    Raises:
        ShapeError: it is not.
    """
    if h is None or h.shape[-1] != context:
        got = "nothing" if h is None else f"{h.shape[-1]} values"
        raise ShapeError(
            f"This model is conditioned on {context} values for each example (Batch.c), got {got}."
        )
    return h


def head_of(posterior: object) -> object:
    """The head of a posterior, conditioned or not."""
    return posterior.head if isinstance(posterior, ConditionedPosterior) else posterior
