"""Elements with ordered levels, such as grey values."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.types import _size

from variata.distributions.bins import (
    FEW_LEVELS,
    bin_moments,
    clamped_mean,
    log_bin_mass,
    sample_bins,
    smooth_draw,
)
from variata.distributions.factorised import ONE_DRAW, Factorised, outside
from variata.errors import UsageError


class DiscretisedLogistic(Factorised):
    """A logistic density's mass in each of `levels` bins.

    A value is x = code / (levels - 1), in [0, 1]; its bin reaches from x - h to x + h with
    h = 1 / (2 (levels - 1)), and the first and last bins are open-ended:

    log p(x) = log [sigmoid((x + h - mean) / scale) - sigmoid((x - h - mean) / scale)], nats.

    The masses of all levels sum to one. A value between two levels counts as the nearer one.

    Args:
        mean: centre of the density, in units of x, (K, B, *X); its shape is the distribution's.
        log_scale: broadcast against `mean`, held within -20 to 20.
        levels: number of levels, 2 or more.
        event_dim: number of trailing dimensions that form the event.

    Raises:
        UsageError: `levels` is below 2.

    Reference: PixelCNN++, Salimans, Karpathy, Chen & Kingma, 2017, arXiv 1701.05517.

    >>> p = DiscretisedLogistic(torch.full((1, 3, 2), 0.5), torch.zeros(2), levels=2)
    >>> p
    DiscretisedLogistic(batch=(1, 3), event=(2,), levels=2)
    >>> round(p.log_prob(torch.ones(3, 2))[0, 0].item(), 4)
    -1.3863
    """

    def __init__(self, mean: Tensor, log_scale: Tensor, levels: int, event_dim: int = 1) -> None:
        check_levels(levels)
        self.loc = mean
        self.log_scale = log_scale
        self.levels = levels
        super().__init__(mean.shape, event_dim)

    def log_prob_each(self, value: Tensor) -> Tensor:
        return log_bin_mass(value, self.loc, self.log_scale, self.levels)

    def sample(self, sample_shape: _size = ONE_DRAW) -> Tensor:
        """Draw levels, code / (levels - 1), (*sample_shape, K, B, *X)."""
        with torch.no_grad():
            mean = self.loc.expand(self._extended_shape(sample_shape))
            return sample_bins(mean, self.log_scale, self.levels)

    @property
    def mean(self) -> Tensor:
        """Exact mean over the levels, in [0, 1]; it is not `loc` near the ends.

        It sums over all levels: call it without gradients for images.
        """
        return bin_moments(self.loc, self.log_scale, self.levels)[0]

    def point(self) -> Tensor:
        """The mean; beyond 32 levels to within half a level, without a sum over them."""
        if self.levels <= FEW_LEVELS:
            return self.mean
        return clamped_mean(self.loc, self.log_scale)

    def glance(self) -> Tensor:
        """A draw before it is rounded, with gradients to mean and scale."""
        return smooth_draw(self.loc, self.log_scale, self.event_dim)

    @property
    def variance(self) -> Tensor:
        """Exact variance over the levels, in units of x squared."""
        return bin_moments(self.loc, self.log_scale, self.levels)[1]

    def support_check(self, value: Tensor) -> str | None:
        return levels_check(value, self.levels)

    def _extra_repr(self) -> list[str]:
        return [f"levels={self.levels}"]


def check_levels(levels: int) -> None:
    """Raise UsageError unless there are two levels or more."""
    if levels < 2:
        raise UsageError(
            f"A discretised logistic needs 2 levels or more, but was given {levels}: "
            "pass the number of values an element can take, such as 256."
        )


def levels_check(value: Tensor, levels: int) -> str | None:
    """Why `value` is not code / (levels - 1); None when it is.

    >>> levels_check(torch.tensor([0.0, 0.4]), 3)
    'values between the 3 levels of [0, 1], such as 0.4'
    """
    code = value * (levels - 1)
    reason = outside(value, (value >= 0) & (value <= 1), "values outside [0, 1]")
    on_grid = (code - code.round()).abs() < 0.01
    return reason or outside(value, on_grid, f"values between the {levels} levels of [0, 1]")
