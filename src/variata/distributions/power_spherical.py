"""The Power Spherical distribution, drawn exactly by a fixed number of operations."""

from __future__ import annotations

import torch
from torch import Tensor

from variata.distributions.kl import register_kl
from variata.distributions.sphere import OnSphere, UniformSphere, log_area, rate_each

SHIFT = 8  # from where on the series for half a step is as exact as double precision needs


class PowerSpherical(OnSphere):
    """Density proportional to (1 + cos angle)^concentration on the unit sphere.

    With b = (L - 1) / 2, (1 + cosine) / 2 is Beta(b + concentration, b). A Beta(a, n) with a whole
    n is the product of U_i^(1 / (a + i)) for i < n, with U_i uniform; a further half is Bailey's
    way to Student's t. So a draw is an exact and smooth function of normal noise, without
    rejections, for every concentration.

    Args:
        direction: of unit length, (B, L), L at least 2.
        concentration: positive, (B,).

    References:
        The Power Spherical Distribution (De Cao and Aziz, 2020), arXiv:2006.04437
        Polar Generation of Random Variates with the t-Distribution (Bailey, 1994)

    >>> q = PowerSpherical(torch.eye(3), torch.tensor([0.0, 1.0, 9.0]))
    >>> q.rate()
    tensor([0.0000, 0.1931, 1.4026])
    """

    @property
    def noise_along(self) -> int:
        size = self.like.shape[-1]
        return size - 1 if size % 2 else size + 2

    def along(self, normal: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        even = self.like.shape[-1] % 2 == 0
        squares = normal.square()
        angle, squares = (squares[..., :2], squares[..., 2:]) if even else (None, squares)
        powers = self.concentration.unsqueeze(-1) + self._starts()
        parts = 0.5 * squares.unflatten(-1, (-1, 2)).sum(-1) / powers
        if angle is None:
            log_half = -parts.sum(-1)
        else:
            cosine = angle[..., 0] / angle.sum(-1)  # squared, of a uniform angle
            log_half = -parts[..., 1:].sum(-1) - (torch.expm1(parts[..., 0]) * cosine).log1p()
        least = torch.finfo(log_half.dtype).tiny
        up, down = (log_half / 2).exp(), (-torch.expm1(log_half)).clamp_min(least).sqrt()
        return 2 * up * up - 1, 2 * up * down, self._log_density(log_half)

    def density(self, value: Tensor) -> Tensor:
        half = 0.5 + 0.5 * (value * self.direction).sum(-1)
        return self._log_density(half.clamp_min(torch.finfo(half.dtype).eps).log())

    def moments(self) -> tuple[Tensor, Tensor]:
        b = (self.like.shape[-1] - 1) / 2
        a = b + self.concentration
        first = (a - b) / (a + b)
        return first, first.square() + 4 * a * b / ((a + b).square() * (a + b + 1))

    def rate(self) -> Tensor:
        rise, slope = self._rise()
        return rise - self.concentration * slope

    def _log_density(self, log_half: Tensor) -> Tensor:
        """Of log (1 + cosine) / 2."""
        known = self._rise()[0] - log_area(self.like.shape[-1])
        return known + self.concentration * log_half

    def _starts(self) -> Tensor:
        """b + i of every factor; in even dimensions Bailey's b comes first, (L // 2,)."""
        size = self.like.shape[-1]
        places = torch.arange(size // 2, dtype=self.like.dtype, device=self.like.device)
        return (size - 1) / 2 + (places if size % 2 else (places - 0.5).clamp_min(0))

    def _rise(self) -> tuple[Tensor, Tensor]:
        """R(b + concentration) - R(b) and R' there, with R(a) = log Gamma(a + b) - log Gamma(a).

        By whole and half steps: differences of log Gamma lose digits in single precision.
        """
        starts, odd, concentration = self._starts(), self.like.shape[-1] % 2, self.concentration
        steps = starts if odd else starts[1:]
        rise = (concentration.unsqueeze(-1) / steps).log1p().sum(-1)
        slope = (concentration.unsqueeze(-1) + steps).reciprocal().sum(-1)
        if odd:
            return rise, slope
        (now, more), (then, _) = half_step(concentration + starts[0]), half_step(starts[0])
        return rise + now - then, slope + more


def half_step(x: Tensor) -> tuple[Tensor, Tensor]:
    """log Gamma(x + 1/2) - log Gamma(x) and its derivative, for positive x.

    >>> value, slope = half_step(torch.tensor(0.5, dtype=torch.float64))
    >>> round(value.item(), 6), round(slope.item(), 6)  # -log(pi) / 2 and 2 log 2
    (-0.572365, 1.386294)
    """
    far = x + SHIFT
    value = 0.5 * far.log() - 1 / (8 * far) + 1 / (192 * far**3) - 1 / (640 * far**5)
    slope = 1 / (2 * far) + 1 / (8 * far**2) - 1 / (64 * far**4) + 1 / (128 * far**6)
    for i in range(SHIFT):
        value = value - (0.5 / (x + i)).log1p()
        slope = slope + 0.5 / ((x + i) * (x + i + 0.5))
    return value, slope


register_kl(PowerSpherical, UniformSphere)(rate_each)
