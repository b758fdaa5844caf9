"""Distributions of one element each, fitted to columns: the parts of the factorised baseline.

Every class takes rows (N, D) in float64 and scores rows by log probability per element (N, D).
"""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor


class Marginals(Protocol):
    """One fitted distribution per column."""

    def log_prob_each(self, x: Tensor) -> Tensor:
        """Return the log probability (or density) of every element, (N, D) nats."""
        ...


class BernoulliMarginals:
    """P(x_d = 1) = (n_1 + 1) / (N + 2): Laplace smoothing, so nothing unseen is impossible."""

    def __init__(self, x: Tensor) -> None:
        self.p = (x.sum(0) + 1) / (len(x) + 2)

    def log_prob_each(self, x: Tensor) -> Tensor:
        return x * self.p.log() + (1 - x) * (-self.p).log1p()


class HistogramMarginals:
    """P(x_d = v) = (n_dv + L g_v) / (N + L) over L levels, g the histogram of all elements.

    The L pseudo-counts follow g rather than the uniform distribution, which keeps the baseline
    strong when there are many levels and few examples; g itself is smoothed by one count a level.
    """

    def __init__(self, x: Tensor, levels: int) -> None:
        counts = torch.stack([(x == level).sum(0) for level in range(levels)]).double()
        pooled = counts.sum(1) + 1
        prior = levels * pooled / pooled.sum()
        self.log_p = ((counts + prior[:, None]) / (len(x) + levels)).log()

    def log_prob_each(self, x: Tensor) -> Tensor:
        return self.log_p.gather(0, x.long())


class GaussianMarginals:
    """N(m_d, s_d^2) with the moments of the column; s_d no smaller than the floor.

    Without a floor a constant column would have infinite density.
    """

    def __init__(self, x: Tensor, floor: Tensor) -> None:
        self.mean = x.mean(0)
        self.scale = x.std(0, unbiased=False).clamp_min(floor)

    def log_prob_each(self, x: Tensor) -> Tensor:
        square = ((x - self.mean) / self.scale) ** 2
        return -square / 2 - self.scale.log() - math.log(2 * math.pi) / 2


class CountMarginals:
    """Negative binomial by moments where the variance exceeds the mean, Poisson elsewhere.

    The mean m = (sum + 1/2) / (N + 1) stays positive for a column of zeros; the dispersion is
    r = m^2 / (v - m).
    """

    def __init__(self, x: Tensor) -> None:
        self.mean = (x.sum(0) + 0.5) / (len(x) + 1)
        excess = x.var(0, unbiased=len(x) > 1) - self.mean
        self.spread = excess > 1e-6 * self.mean
        self.r = self.mean**2 / torch.where(self.spread, excess, torch.ones_like(excess))

    def log_prob_each(self, x: Tensor) -> Tensor:
        return torch.where(self.spread, self._negative_binomial(x), self._poisson(x))

    def _poisson(self, x: Tensor) -> Tensor:
        return x * self.mean.log() - self.mean - (x + 1).lgamma()

    def _negative_binomial(self, x: Tensor) -> Tensor:
        ways = (x + self.r).lgamma() - self.r.lgamma() - (x + 1).lgamma()
        total = (self.r + self.mean).log()
        return ways + self.r * (self.r.log() - total) + x * (self.mean.log() - total)
