"""Real elements."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.types import _size

from variata.distributions.factorised import ONE_DRAW, Factorised, outside, sum_event
from variata.noise import noise

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


class Gaussian(Factorised):
    """Gaussian elements with a diagonal covariance.

    log p(x) = -((x - mean) / scale)^2 / 2 - log scale - log(2 pi) / 2, nats.

    Args:
        mean: (K, B, *X); its shape is the distribution's.
        scale: standard deviation, positive, broadcast against `mean`.
        event_dim: number of trailing dimensions that form the event.

    Reference: Auto-Encoding Variational Bayes, Kingma & Welling, 2013, arXiv 1312.6114.

    >>> q = Gaussian(torch.zeros(1, 3, 2), torch.ones(1, 3, 2))
    >>> q
    Gaussian(batch=(1, 3), event=(2,))
    >>> round(q.entropy()[0, 0].item(), 4)
    2.8379
    """

    has_rsample = True

    def __init__(self, mean: Tensor, scale: Tensor, event_dim: int = 1) -> None:
        self.loc = mean
        self.scale = scale
        super().__init__(mean.shape, event_dim)

    def log_prob_each(self, value: Tensor) -> Tensor:
        standardised = (value - self.loc) / self.scale
        return -0.5 * standardised.square() - (self.scale.log() + HALF_LOG_2PI)

    def log_prob(self, value: Tensor) -> Tensor:
        # the scales are summed by themselves: they are fewer than the draws
        squares = sum_event(((value - self.loc) / self.scale).square(), self.event_dim)
        return -0.5 * squares - self._log_scales()

    def _log_scales(self) -> Tensor:
        """Sum over the event of log scale + log(2 pi) / 2, (K, B) or what broadcasts to it."""
        each = self.scale.log() + HALF_LOG_2PI
        lead = each.shape[: max(0, each.dim() - self.event_dim)]
        return sum_event(each.expand((*lead, *self._event_shape)), self.event_dim)

    def rsample(self, sample_shape: _size = ONE_DRAW) -> Tensor:
        """Draw mean + scale * noise, differentiable in both, (*sample_shape, K, B, *X)."""
        shape = self._extended_shape(sample_shape)
        options = {"dtype": self.loc.dtype, "device": self.loc.device}
        return torch.addcmul(
            self.loc, self.scale, noise(torch.randn, shape, self.event_dim, **options)
        )

    def sample(self, sample_shape: _size = ONE_DRAW) -> Tensor:
        with torch.no_grad():
            return self.rsample(sample_shape)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return self.scale.square().expand_as(self.loc)

    def entropy(self) -> Tensor:
        """Sum over the event of log scale + log(2 pi e) / 2, nats, (K, B)."""
        each = (self.scale.log() + (HALF_LOG_2PI + 0.5)).expand_as(self.loc)
        return sum_event(each, self.event_dim)

    def support_check(self, value: Tensor) -> str | None:
        return outside(value, value.isfinite(), "values that are not finite")


class StandardGaussian(Gaussian):
    """N(0, I): a Gaussian whose densities and divergences take fewer operations.

    Args:
        zeros: its shape, type and device are the distribution's, (*X).
        event_dim: number of trailing dimensions that form the event.

    >>> p = StandardGaussian(torch.zeros(2))
    >>> round(p.log_prob(torch.zeros(5, 2))[0].item(), 4)
    -1.8379
    """

    def __init__(self, zeros: Tensor, event_dim: int = 1) -> None:
        super().__init__(zeros, torch.ones_like(zeros), event_dim)

    def log_prob_each(self, value: Tensor) -> Tensor:
        return -0.5 * (value - self.loc).square() - HALF_LOG_2PI

    def log_prob(self, value: Tensor) -> Tensor:
        squares = sum_event((value - self.loc).square(), self.event_dim)
        return -0.5 * squares - HALF_LOG_2PI * self._event_shape.numel()
