"""All mass in one point."""

from __future__ import annotations

from typing import NoReturn

import torch
from torch import Tensor
from torch.types import _size

from variata.distributions.factorised import ONE_DRAW, Factorised, outside
from variata.errors import NoDensityError


class Dirac(Factorised):
    """All mass in one point: the posterior of a plain autoencoder.

    It can be drawn from, differentiably, and shown; it has no density, hence no log-probability
    and no rate.

    Args:
        value: the point, (K, B, *X).
        event_dim: number of trailing dimensions that form the event.

    >>> q = Dirac(torch.tensor([[[1.0, 2.0]]]))
    >>> q.sample()
    tensor([[[1., 2.]]])
    """

    has_rsample = True

    def __init__(self, value: Tensor, event_dim: int = 1) -> None:
        self.value = value
        super().__init__(value.shape, event_dim)

    def log_prob_each(self, value: Tensor) -> NoReturn:
        """Raise NoDensityError: there is no density to take a logarithm of."""
        raise NoDensityError(
            "A density was asked of a Dirac, which has none: "
            "use a distribution with a width, such as Gaussian, where a log-probability is needed."
        )

    def rsample(self, sample_shape: _size = ONE_DRAW) -> Tensor:
        """The point itself, (*sample_shape, K, B, *X)."""
        return self.value.expand(self._extended_shape(sample_shape))

    def sample(self, sample_shape: _size = ONE_DRAW) -> Tensor:
        return self.rsample(sample_shape).detach()

    @property
    def mean(self) -> Tensor:
        return self.value

    @property
    def variance(self) -> Tensor:
        return torch.zeros_like(self.value)

    def support_check(self, value: Tensor) -> str | None:
        return outside(value, value.isfinite(), "values that are not finite")
