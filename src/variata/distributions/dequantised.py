"""Values with a cell around each, by a density over the real numbers within."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch
from torch import Size, Tensor, nn
from torch.distributions import Distribution
from torch.distributions.constraints import Constraint
from torch.types import _size

from variata.distributions.factorised import ONE_DRAW
from variata.noise import noise
from variata.shapes import Shape, numel


class Cells(nn.Module):
    """What lies around the values of data.

    Args:
        width: of the cell around a value, in model space: a number, or (*X) for real values.
        discrete: whether data has the middles of cells alone; else real values were rounded so.
        least, most: values of discrete data; None for no end.

    Attributes:
        ends: of all cells together; None where there is no end.
        log_width: of a cell, in nats, where it holds a probability; else 0.
    """

    width: Tensor

    def __init__(
        self,
        width: float | Tensor,
        discrete: bool,
        least: float | None = None,
        most: float | None = None,
    ) -> None:
        super().__init__()
        self.discrete, self.least, self.most = discrete, least, most
        self.log_width = math.log(float(width)) if discrete else 0.0
        self.ends: tuple[float, float] | None = None
        if least is not None and most is not None:
            self.ends = least - float(width) / 2, most + float(width) / 2
        self.register_buffer("width", torch.as_tensor(width), persistent=False)

    def moved(self, x: Tensor, u: Tensor) -> Tensor:
        """Each value somewhere in its cell, for u in [0, 1)."""
        return x + self.width * (u - 0.5)

    def nearest(self, y: Tensor) -> Tensor:
        """The discrete value in whose cell y lies."""
        return ((y / self.width).round() * self.width).clamp(self.least, self.most)


class Dequantised(Distribution):
    """P(x) = the integral of a density p(y) over the cell of x, (K, B).

    For real values, the mean of p over the cell instead: p smoothed by the rounding of the data, so
    that it has a bound. `log_prob` is a lower bound of both by one y = x + noise each, drawn once
    (`variata.noise`); the mean of several p(y) is a closer one.

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
        found = self._of_rows(self.h).log_prob(self._within(value).flatten(0, 1)).to(self.h.dtype)
        volume = numel(self._event_shape) * self.cells.log_width
        return found.unflatten(0, self._batch_shape) + volume

    def velocity_error(self, value: Tensor) -> Tensor:
        """Of a density that is a `Diffusion`, (K, B): see there."""
        return self._of_rows(self.h).velocity_error(self._within(value))

    def sample(self, sample_shape: _size = ONE_DRAW) -> Tensor:
        shape = self._extended_shape(sample_shape)
        with torch.no_grad():
            h = self.h.expand(*sample_shape, *self.h.shape).flatten(0, -2)
            y = self._of_rows(h).sample((len(h),)).to(h.dtype).view(shape)
            if self.cells.discrete:
                return self.cells.nearest(y)
            return self.cells.moved(y, self._uniform(shape))

    def _of_rows(self, h: Tensor) -> Any:
        return self.density(h.flatten(0, -2))

    def _within(self, value: Tensor) -> Tensor:
        """(K, B, L), each value somewhere in its cell."""
        x = value.to(self.h.dtype).expand(self._noise.shape)
        return self.cells.moved(x, self._noise).flatten(2)

    @cached_property
    def _noise(self) -> Tensor:
        return self._uniform(self._extended_shape())

    def _uniform(self, shape: Size) -> Tensor:
        dims = len(self._event_shape)
        return noise(torch.rand, shape, dims, dtype=self.h.dtype, device=self.h.device)

    def __repr__(self) -> str:
        return f"Dequantised(batch={tuple(self._batch_shape)}, event={tuple(self._event_shape)})"
