"""Noise in fixed blocks, each with a seed of its own, so that no result depends on piece sizes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Size, Tensor
from torch.distributions import Distribution

from variata.noise import Generate
from variata.shapes import Shape, draw, location_and_scale
from variata.training.sampler import mix

DRAWS = 64  # of a block of latents


class Noise:
    """A way to draw latents (`variata.shapes.Draw`) for one pass over some draws of some rows, and
    a source of whatever else is random in it (`variata.noise.drawn_by`).

    Noise number d of row r is a function of the seed, d, r and the level; where `own` is false, it
    is the same for all rows, so that what a row gets does not depend on the rows beside it.

    Args:
        draws: which of all draws the pass makes.
        rows: which of all rows it is over.
        own: whether each row has noise of its own.

    A posterior that is no location and scale of noise, and cannot be drawn from it either, is drawn
    by torch's generator where rows have noise of their own; where they share it, it is refused with
    a NoDensityError.

    >>> from torch.distributions import Normal
    >>> q = Normal(torch.zeros(3), 1.0)
    >>> whole = Noise(0, range(100), range(3))(q, 100, 3)
    >>> part = Noise(0, range(70, 80), range(1, 3))(Normal(torch.zeros(2), 1.0), 10, 2)
    >>> bool((whole[70:80, 1:] == part).all())
    True
    """

    def __init__(self, seed: int, draws: range, rows: range, own: bool = True) -> None:
        self.seed, self.draws, self.own = seed, draws, own
        self.rows = rows if own else range(1)
        self.level = 0

    def __call__(self, distribution: Distribution, k: int, n: int) -> Tensor:
        self.level += 1
        if hasattr(distribution, "from_normal"):
            return self._made(distribution, k, n)
        if self.own and not hasattr(distribution, "scale"):
            return draw(distribution, k, n)
        loc, scale = location_and_scale(distribution)
        noise = self._noise(torch.randn, distribution.event_shape, loc, DRAWS)
        return torch.addcmul(loc, scale, noise).expand(k, n, *distribution.event_shape)

    def _made(self, distribution: Any, k: int, n: int) -> Tensor:
        event = getattr(distribution, "noise_shape", distribution.event_shape)
        noise = self._noise(torch.randn, event, distribution.mean, DRAWS)
        return distribution.from_normal(noise.expand(k, n, *event))

    def source(self, generate: Generate, shape: Size, event_dim: int, **options: Any) -> Tensor:
        """Noise (draws, rows, *event), as `variata.noise.noise` is asked for it."""
        self.level += 1
        like, event = torch.empty((), **options), shape[len(shape) - event_dim :]
        return self._noise(generate, event, like, 1).expand(shape)

    def _noise(self, generate: Generate, event: Shape, like: Tensor, deep: int) -> Tensor:
        """Noise of these draws and rows; `deep`: draws of a block."""
        wide = rows_together(like.device) if self.own else 1
        draws, rows = _blocks(self.draws, deep), _blocks(self.rows, wide)
        shape = (deep, wide, *event)
        columns = [
            torch.cat([self._block(generate, d, r, shape, like) for d in draws]) for r in rows
        ]
        noise = columns[0] if len(columns) == 1 else torch.cat(columns, 1)
        return noise[_within(self.draws, deep), _within(self.rows, wide)]

    def _block(self, generate: Generate, d: int, r: int, shape: Shape, like: Tensor) -> Tensor:
        generator = torch.Generator(like.device).manual_seed(mix(self.seed, self.level, d, r))
        return generate(shape, generator=generator, dtype=like.dtype, device=like.device)


def rows_together(device: torch.device) -> int:
    """Rows of a block: an accelerator is slow at many small ones."""
    return 8 if device.type == "cpu" else 64


def _blocks(part: range, size: int) -> range:
    """The blocks of so many that hold a part."""
    return range(part.start // size, (part.stop - 1) // size + 1)


def _within(part: range, size: int) -> slice:
    """Where a part lies in its blocks."""
    first = part.start % size
    return slice(first, first + len(part))
