"""Values with a cell around each, by a density over the real numbers within."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Size, Tensor
from torch.distributions import Distribution
from torch.distributions.constraints import Constraint
from torch.types import _size

from variata.distributions.factorised import ONE_DRAW
from variata.noise import noise
from variata.shapes import Shape, numel


@dataclass(frozen=True)
class Cells:
    """What lies around the values of data.

    Attributes:
        width: of the cell around a value, in model space: a number, or (*X).
        discrete: whether data has the middles of cells alone; else real values were rounded so.
        least, most: values of discrete data; None for no end.
    """

    width: float | Tensor
    discrete: bool
    least: float | None = None
    most: float | None = None

    def moved(self, x: Tensor, u: Tensor) -> Tensor:
        """Each value somewhere in its cell, for u in [0, 1)."""
        return x + self.width * (u - 0.5)

    def nearest(self, y: Tensor, u: Tensor) -> Tensor:
        """The discrete value in whose cell y lies; of real values, any that y may be rounded to."""
        if not self.discrete:
            return self.moved(y, u)
        return ((y / self.width).round() * self.width).clamp(self.least, self.most)

    def log_volume(self, shape: Shape) -> float:
        """Of the cell of an example, in nats, where it holds a probability; else 0."""
        return numel(shape) * math.log(float(self.width)) if self.discrete else 0.0


class Dequantised(Distribution):
    """P(x) = the integral of a density p(y) over the cell of x, (K, B).

    For real values, the mean of p over the cell instead: p smoothed by the rounding of the data, so
    that it has a bound. `log_prob` is a lower bound of both by one y = x + noise. While gradients
    are taken the noise is drawn anew; else it is the same for all rows and at all times, so that
    what is said of a row depends on nothing else.

    Args:
        density: rows of h (N, C) -> the distribution of their y (N, L).
        h: (K, B, C). shape: X, of L elements. cells: of the data.

    Reference:
        A note on the evaluation of generative models (Theis et al., 2015), arXiv:1511.01844

    >>> from variata.distributions import Flow
    >>> halves = Cells(width=0.5, discrete=True, least=0.0, most=1.0)
    >>> p = Dequantised(lambda c: Flow([], torch.zeros(4)), torch.zeros(1, 3, 0), (2, 2), halves)
    >>> p.log_prob(torch.zeros(3, 2, 2)).shape, p.sample().shape
    (torch.Size([1, 3]), torch.Size([1, 3, 2, 2]))
    """

    def __init__(
        self, density: Callable[[Tensor], Any], h: Tensor, shape: Shape, cells: Cells
    ) -> None:
        self.density, self.h, self.cells = density, h, cells
        super().__init__(h.shape[:2], Size(shape), validate_args=False)

    @property
    def arg_constraints(self) -> dict[str, Constraint]:
        """None: arguments are not validated."""
        return {}

    def log_prob(self, value: Tensor) -> Tensor:
        found = self._of_rows(self.h).log_prob(self._within(value)).to(self.h.dtype)
        return found.unflatten(0, self._batch_shape) + self.cells.log_volume(self._event_shape)

    def velocity_error(self, value: Tensor) -> Tensor:
        """Of a density that is a `Diffusion`, (K, B): see there."""
        return (
            self._of_rows(self.h)
            .velocity_error(self._within(value))
            .unflatten(0, self._batch_shape)
        )

    def sample(self, sample_shape: _size = ONE_DRAW) -> Tensor:
        shape = self._extended_shape(sample_shape)
        with torch.no_grad():
            h = self.h.expand(*sample_shape, *self.h.shape).flatten(0, -2)
            y = self._of_rows(h).sample((len(h),)).to(h.dtype).view(shape)
            return self.cells.nearest(y, self._new_noise(y))

    def _of_rows(self, h: Tensor) -> Any:
        return self.density(h.flatten(0, -2))

    def _within(self, value: Tensor) -> Tensor:
        """Rows (K B, L), each value somewhere in its cell."""
        x = value.to(self.h.dtype).expand(*self._batch_shape, *self._event_shape)
        return self.cells.moved(x, self._noise(x)).flatten(2).flatten(0, 1)

    def _noise(self, like: Tensor) -> Tensor:
        """Uniform on [0, 1)."""
        if torch.is_grad_enabled():
            return self._new_noise(like)
        generator = torch.Generator("cpu").manual_seed(0)
        return torch.rand(self._event_shape, generator=generator, dtype=torch.float64).to(like)

    def _new_noise(self, like: Tensor) -> Tensor:
        dims = len(self._event_shape)
        return noise(torch.rand, like.shape, dims, dtype=like.dtype, device=like.device)

    def __repr__(self) -> str:
        return f"Dequantised(batch={tuple(self._batch_shape)}, event={tuple(self._event_shape)})"
