"""Posteriors and merges that know what everything is conditioned on."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from variata.nn.joining import Joining, checked

Merge = Callable[[Tensor | None, Tensor], Tensor]


class ConditionedPosterior(nn.Module):
    """q(z | x, c): any head of q(z | x), whose features are joined with c first.

    Args:
        head: (h, features) -> distribution over z, where h is what the levels above have left.
        features: F, of the features (B, F); 0 for a head that shall not know c.
        context: C, of c, the last values of h (K, B, above + C).
        shared: whether all K have the same c, as where it is the condition of the batch.
        above: how many values of h are those of the levels above.

    Without h it stands for a c of zeros, which is no example's (priors made of posteriors use it).

    Reference:
        Learning Structured Output Representation using Deep Conditional Generative Models
        (Sohn et al., 2015)

    >>> from variata.conditionals import GaussianPosterior
    >>> posterior = ConditionedPosterior(GaussianPosterior(8, 2), features=8, context=3)
    >>> posterior(torch.zeros(1, 5, 3), torch.zeros(5, 8)).batch_shape
    torch.Size([5])
    """

    def __init__(
        self, head: nn.Module, features: int, context: int, shared: bool = True, above: int = 0
    ) -> None:
        super().__init__()
        self.head, self.context, self.shared, self.above = head, context, shared, above
        self.joining = Joining(features, context) if features else None

    def forward(self, h: Tensor | None, features: Tensor) -> Distribution:
        return self.head(*self.of_head(h, features))

    def of_head(self, h: Tensor | None, features: Tensor) -> tuple[Tensor | None, Tensor]:
        """What the head sees of h and features."""
        if h is None:
            left, c = None, features.new_zeros(len(features), self.context)
        else:
            left, c = _apart(h, self.context, self.above)
            c = c[0] if self.shared else c
        if self.joining is None:
            return left, features
        return left, self.joining(features.expand(*c.shape[:-1], -1), c)

    @torch.no_grad()
    def start_linear(self, scale: Tensor) -> None:
        """As the head's own: the last features are not moved by c at the start."""
        if self.joining is not None:
            self.joining.spare_last(len(scale))
        self.head.start_linear(scale)  # type: ignore[operator]


class JoinCondition(nn.Module):
    """The merge of a conditional model: what goes down is the latent and c, (K, B, Z + C).

    Args:
        context: C.
        above: how many values of h are those of the levels above; the last are c.
        merge: of these with the latent; None for the latent alone.

    >>> JoinCondition(3)(torch.zeros(2, 5, 3), torch.zeros(2, 5, 4)).shape
    torch.Size([2, 5, 7])
    """

    def __init__(self, context: int, above: int = 0, merge: Merge | None = None) -> None:
        super().__init__()
        self.context, self.above, self.merge = context, above, merge

    def forward(self, h: Tensor | None, z: Tensor) -> Tensor:
        left, c = _apart(h, self.context, self.above)
        z = z if self.merge is None else self.merge(left, z)
        return torch.cat([z, c.to(z.dtype).expand(*z.shape[:-1], -1)], -1)


def _apart(h: Tensor | None, context: int, above: int) -> tuple[Tensor | None, Tensor]:
    """What the levels above have left, None at the top, and the condition."""
    if not above:
        return None, checked(h, context)
    told = checked(h, above + context)
    return told[..., :above], told[..., above:]


def head_of(posterior: object) -> object:
    """The head of a posterior, conditioned or not."""
    return posterior.head if isinstance(posterior, ConditionedPosterior) else posterior


def inputs_of_head(
    posterior: object, h: Tensor | None, features: Tensor
) -> tuple[Tensor | None, Tensor]:
    """What the head of a posterior, conditioned or not, sees of h and features."""
    if isinstance(posterior, ConditionedPosterior):
        return posterior.of_head(h, features)
    return h, features
