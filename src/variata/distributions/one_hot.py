"""One of C classes, as an indicator vector."""

from __future__ import annotations

import torch
from torch import Size, Tensor
from torch.distributions import Distribution
from torch.distributions.constraints import Constraint
from torch.types import _size

from variata.distributions.factorised import ONE_DRAW
from variata.noise import noise


class OneHot(Distribution):
    """A class as an indicator vector (C,): log p(e_c) = log softmax(logits)_c, in nats.

    Args:
        logits: (*batch, C).

    >>> p = OneHot(torch.zeros(5, 3))
    >>> p.sample((2,)).shape, p.sample((2,)).sum(-1).unique()
    (torch.Size([2, 5, 3]), tensor([1.]))
    """

    has_rsample = False

    def __init__(self, logits: Tensor) -> None:
        self.logits = logits
        super().__init__(logits.shape[:-1], logits.shape[-1:], validate_args=False)

    @property
    def arg_constraints(self) -> dict[str, Constraint]:
        """None: arguments are not validated."""
        return {}

    @property
    def probs(self) -> Tensor:
        """Of every class, (*batch, C)."""
        return self.logits.softmax(-1)

    @property
    def log_probs(self) -> Tensor:
        """The same in nats."""
        return self.logits.log_softmax(-1)

    @property
    def mean(self) -> Tensor:
        """The probabilities."""
        return self.probs

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def log_prob(self, value: Tensor) -> Tensor:
        return (value * self.log_probs).sum(-1)

    def entropy(self) -> Tensor:
        """In nats, (*batch)."""
        return -(self.probs * self.log_probs).sum(-1)

    def sample(self, sample_shape: _size = ONE_DRAW) -> Tensor:
        """Draw without gradient, (*sample_shape, *batch, C)."""
        shape = Size((*sample_shape, *self.batch_shape))
        like = {"dtype": self.logits.dtype, "device": self.logits.device}
        with torch.no_grad():
            return self.from_uniform(noise(torch.rand, shape, 0, **like))

    def from_uniform(self, u: Tensor) -> Tensor:
        """The classes at quantiles u in [0, 1), as indicators, in u's shape and (C,)."""
        edges = self.probs.cumsum(-1)[..., :-1]
        place = (u.unsqueeze(-1) >= edges).sum(-1)
        return torch.nn.functional.one_hot(place, self.logits.shape[-1]).to(self.logits.dtype)
