"""Elements that are one of L levels, each with a probability of its own."""

from __future__ import annotations

from torch import Tensor
from torch.types import _size

from variata.distributions.categorical import Categorical
from variata.distributions.factorised import ONE_DRAW


class Graded(Categorical):
    """Categorical elements whose classes are levels, evenly in [0, 1]: a histogram of each.

    Args:
        logits: (*X, L). event_dim: dimensions of X.

    >>> import torch
    >>> Graded(torch.zeros(2, 3), 1).log_prob_each(torch.tensor([0.5, 1.0]))
    tensor([-1.0986, -1.0986])
    """

    def log_prob_each(self, value: Tensor) -> Tensor:
        return super().log_prob_each((value * (self.classes - 1)).round())

    def sample(self, sample_shape: _size = ONE_DRAW) -> Tensor:
        return super().sample(sample_shape) / (self.classes - 1)

    @property
    def mean(self) -> Tensor:
        """Expected level, in [0, 1]."""
        return super().mean / (self.classes - 1)

    def point(self) -> Tensor:
        """The most probable level."""
        return super().point() / (self.classes - 1)
