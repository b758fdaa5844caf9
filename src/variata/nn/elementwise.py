"""Rising functions of single numbers, with parameters that a network makes for each of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

LEAST = 1e-3  # share of a bin in the box, and slope at a knot


@dataclass(frozen=True)
class Affine:
    """y = shift + scale x, with a scale between 1 / e and e.

    >>> y, change = Affine()(torch.ones(2), torch.zeros(2, 2))
    >>> y, change
    (tensor([1., 1.]), tensor([0., 0.]))
    """

    @property
    def parameters(self) -> int:
        """Of each function."""
        return 2

    def __call__(self, x: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        """y and log dy/dx, both (...), of x (...) and raw (..., parameters)."""
        log_scale = raw[..., 1].tanh()
        return raw[..., 0] + x * log_scale.exp(), log_scale

    def inverse(self, y: Tensor, raw: Tensor) -> Tensor:
        """The x of y."""
        return (y - raw[..., 0]) * (-raw[..., 1].tanh()).exp()


@dataclass(frozen=True)
class Spline:
    """A rational-quadratic spline within a box, and the identity outside of it.

    Parameters of zero make it the identity everywhere.

    Args:
        bins: of the spline.
        box: it reaches from -box to box.

    Reference:
        Neural Spline Flows (Durkan et al., 2019), arXiv:1906.04032

    >>> spline = Spline(bins=4, box=3.0)
    >>> x, raw = torch.tensor([-7.0, 0.5]), torch.randn(2, spline.parameters)
    >>> y, change = spline(x, raw)
    >>> y[0].item(), change[0].item(), bool(torch.allclose(spline.inverse(y, raw), x, atol=1e-5))
    (-7.0, 0.0, True)
    """

    bins: int = 8
    box: float = 4.0

    @property
    def parameters(self) -> int:
        """Of each function: widths and heights of bins, slopes between them."""
        return 3 * self.bins - 1

    def __call__(self, x: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        """y and log dy/dx, both (...), of x (...) and raw (..., parameters)."""
        held, inside = x.clamp(-self.box, self.box), x.abs() < self.box
        bin = self._bin(held, raw, across=True)
        at = (held - bin.x) / bin.width
        aside = at * (1 - at)
        below = bin.slope + (bin.start + bin.end - 2 * bin.slope) * aside
        y = bin.y + bin.height * (bin.slope * at.square() + bin.start * aside) / below
        above = bin.end * at.square() + 2 * bin.slope * aside + bin.start * (1 - at).square()
        change = 2 * bin.slope.log() + above.log() - 2 * below.log()
        return torch.where(inside, y, x), torch.where(inside, change, torch.zeros_like(x))

    def inverse(self, y: Tensor, raw: Tensor) -> Tensor:
        """The x of y: a root of a quadratic equation."""
        held, inside = y.clamp(-self.box, self.box), y.abs() < self.box
        bin = self._bin(held, raw, across=False)
        up = held - bin.y
        bent = up * (bin.start + bin.end - 2 * bin.slope)
        a, b, c = bin.height * (bin.slope - bin.start) + bent, bin.height * bin.start - bent, up
        root = (b.square() + 4 * a * bin.slope * c).clamp_min(0).sqrt()
        at = 2 * bin.slope * c / (b + root)
        return torch.where(inside, bin.x + at * bin.width, y)

    def _bin(self, value: Tensor, raw: Tensor, across: bool) -> _Bin:
        """The bin that holds a value of x, or of y."""
        widths, heights, slopes = raw.split((self.bins, self.bins, self.bins - 1), -1)
        xs, ys = self._knots(widths), self._knots(heights)
        inner = (xs if across else ys)[..., 1:-1]
        left = (value.unsqueeze(-1) >= inner).sum(-1, keepdim=True)
        steep = LEAST + F.softplus(slopes + math.log(math.expm1(1 - LEAST)))
        steep = F.pad(steep, (1, 1), value=1.0)
        tables, ends = torch.stack([xs, ys, steep], -2), torch.cat([left, left + 1], -1)
        found = tables.gather(-1, ends.unsqueeze(-2).expand(*tables.shape[:-1], 2))
        x, x1, y, y1, start, end = found.flatten(-2).unbind(-1)
        return _Bin(x, y, x1 - x, y1 - y, (y1 - y) / (x1 - x), start, end)

    def _knots(self, raw: Tensor) -> Tensor:
        """Where bins begin and end, (..., bins + 1)."""
        shares = LEAST + (1 - LEAST * self.bins) * raw.softmax(-1)
        inner = 2 * self.box * shares.cumsum(-1)[..., :-1] - self.box
        return F.pad(F.pad(inner, (1, 0), value=-self.box), (0, 1), value=self.box)


class _Bin(NamedTuple):
    x: Tensor
    y: Tensor
    width: Tensor
    height: Tensor
    slope: Tensor
    start: Tensor
    end: Tensor
