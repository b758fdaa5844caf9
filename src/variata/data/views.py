"""Small changes to a batch that leave what it shows the same."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional

from variata.batch import Batch
from variata.errors import ShapeError
from variata.noise import Place, noise, rows_at_hand

GROUP = 16


def shift(
    batch: Batch, pixels: int = 1, probability: float = 0.5, background: float | None = 0.0
) -> Batch:
    """Shift images, with `probability`, by up to `pixels` in each direction.

    Sixteen neighbours in the batch move alike, which costs a tenth of moving each on its own;
    batches are drawn at random, so every image still meets every offset.

    `x`, `seen` and `mask` of one image (B, C, H, W) move together. What comes in at the border is
    `background` (in model space), or the nearest pixel when it is None (for real-valued images).
    Random numbers come from torch's global generator.

    Raises:
        ShapeError: the batch does not hold images.

    >>> batch = Batch(x=torch.ones(2, 1, 4, 4), seen=torch.ones(2, 1, 4, 4))
    >>> shift(batch, probability=0.0).x.sum()
    tensor(32.)
    """
    if batch.x.ndim != 4:
        raise ShapeError(f"Expected images (B, C, H, W) to shift, got {tuple(batch.x.shape)}.")
    groups = _groups(rows_at_hand(len(batch)), pixels, probability)
    x = _move(batch.x, groups, pixels, background)
    seen = x if batch.seen is batch.x else _move(batch.seen, groups, pixels, background)
    mask = None if batch.mask is None else _move(batch.mask, groups, pixels, 1.0)
    return replace(batch, x=x, seen=seen, mask=mask)


def affine(
    batch: Batch,
    degrees: float = 15.0,
    scale: float = 0.15,
    shear: float = 0.2,
    pixels: float = 2.0,
    levels: int | None = None,
) -> Batch:
    """Turn, scale, shear and shift images, each on its own, by uniform amounts of up to so much.

    `x` and `seen` of an image (B, C, H, W) move together; what comes in at the border is the
    nearest pixel. Random numbers come from torch's global generator.

    Args:
        levels: of the data, to whose grid in [0, 1] values are rounded; None leaves them.

    Raises:
        ShapeError: the batch does not hold images.

    >>> x = torch.rand(3, 1, 8, 8)
    >>> bool(torch.allclose(affine(Batch(x, x), 0.0, 0.0, 0.0, 0.0).x, x, atol=1e-5))
    True
    """
    if batch.x.ndim != 4:
        raise ShapeError(f"Expected images (B, C, H, W) to move, got {tuple(batch.x.shape)}.")
    size = torch.Size((len(batch), 6))
    u = 2 * noise(torch.rand, size, 1, dtype=batch.x.dtype, device=batch.x.device) - 1
    height, width = batch.x.shape[-2:]
    angle = u[:, 0] * math.radians(degrees)
    cos, sin = angle.cos(), angle.sin()
    across, down = 1 + scale * u[:, 1], 1 + scale * u[:, 2]
    slant = shear * u[:, 3]
    rows = [
        torch.stack([cos * across, (slant * cos - sin) * down, 2 * pixels / width * u[:, 4]], 1),
        torch.stack([sin * across, (slant * sin + cos) * down, 2 * pixels / height * u[:, 5]], 1),
    ]
    grid = functional.affine_grid(torch.stack(rows, 1), list(batch.x.shape), align_corners=False)
    x = _resampled(batch.x, grid, levels)
    seen = x if batch.seen is batch.x else _resampled(batch.seen, grid, levels)
    return replace(batch, x=x, seen=seen)


def _resampled(x: Tensor, grid: Tensor, levels: int | None) -> Tensor:
    moved = functional.grid_sample(x, grid, padding_mode="border", align_corners=False)
    return moved if levels is None else (moved * (levels - 1)).round() / (levels - 1)


def _groups(place: Place, pixels: int, probability: float) -> list[tuple[int, int]]:
    """Neighbours that move alike: how many, and their code (drawn for the whole batch)."""
    codes = _draw(-(-place.total // GROUP), pixels, probability)
    edges = [place.start, *range((place.start // GROUP + 1) * GROUP, place.stop, GROUP), place.stop]
    return [(b - a, codes[a // GROUP]) for a, b in pairwise(edges)]


def _draw(groups: int, pixels: int, probability: float) -> list[int]:
    """One code for each group: row * width + column of its window; the centre stays."""
    width = 2 * pixels + 1
    centre = pixels * width + pixels
    codes = torch.randint(0, max(1, width * width - 1), (groups,))
    codes = codes + (codes >= centre)
    return torch.where(torch.rand(groups) < probability, codes, centre).tolist()


def _move(
    x: Tensor, groups: list[tuple[int, int]], pixels: int, background: float | None
) -> Tensor:
    border = (pixels,) * 4
    if background is None:
        padded = functional.pad(x, border, mode="replicate")
    else:
        padded = functional.pad(x, border, value=background)
    moved, (height, width) = torch.empty_like(x), x.shape[-2:]
    sizes = [size for size, _ in groups]
    parts = zip(groups, moved.split(sizes), padded.split(sizes), strict=True)
    for (_, code), into, source in parts:
        top, left = divmod(code, 2 * pixels + 1)
        into.copy_(source[:, :, top : top + height, left : left + width])
    return moved
