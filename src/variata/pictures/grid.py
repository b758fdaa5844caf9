"""Many small images as one."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from variata.errors import DataError, ShapeError
from variata.pictures.arrays import as_array

CELL = 56  # pixels an image is enlarged to at least, so that 8 x 8 digits can be seen
PAPER = 255  # the white between images


def grid(
    images: ArrayLike | Tensor, columns: int | None = None, pad: int = 2, scale: int | None = None
) -> np.ndarray:
    """Return images side by side, row by row, as one image (H, W) or (H, W, 3) of uint8.

    Small images are enlarged by a whole number without smoothing: what is seen is what is there.

    Args:
        images: (N, C, H, W) with C 1 or 3, or (N, H, W), in [0, 1]; values outside are cut off.
        columns: images per row; about as many as rows by default.
        pad: pixels between images.
        scale: enlargement; by default the least that makes both sides 56 pixels or more.

    Raises:
        ShapeError: not images, or channels other than 1 and 3.
        DataError: no image, or a value that is not finite.

    >>> grid(np.zeros((4, 8, 8)), scale=2, pad=2).shape
    (34, 34)
    """
    cells = enlarged(pixels(images), scale)
    columns = max(1, min(columns or math.ceil(math.sqrt(len(cells))), len(cells)))
    rows = [beside(cells[i : i + columns], columns, pad) for i in range(0, len(cells), columns)]
    gap = np.full((pad, *rows[0].shape[1:]), PAPER, np.uint8)
    parts = [part for row in rows for part in (row, gap)][:-1]
    return np.concatenate(parts)


def pixels(images: ArrayLike | Tensor) -> np.ndarray:
    """Return images in [0, 1] as uint8 (N, H, W) or (N, H, W, 3).

    >>> pixels(np.full((1, 3, 2, 2), 1.0)).shape
    (1, 2, 2, 3)
    """
    values = as_array(images)
    if values.ndim == 4 and values.shape[1] in (1, 3):
        values = values[:, 0] if values.shape[1] == 1 else values.transpose(0, 2, 3, 1)
    elif values.ndim != 3:
        raise ShapeError(
            f"pictures: expected images (N, H, W) or (N, C, H, W) with 1 or 3 channels, "
            f"got shape {values.shape}."
        )
    if len(values) == 0:
        raise DataError("pictures: expected at least one image, got none.")
    if not np.isfinite(values).all():
        raise DataError("pictures: expected finite values in [0, 1]; some are not finite.")
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)


def enlarged(cells: np.ndarray, scale: int | None = None) -> np.ndarray:
    """Return uint8 images (N, H, W[, 3]) enlarged by a whole number, nearest neighbour."""
    height, width = cells.shape[1:3]
    scale = scale or max(1, math.ceil(CELL / min(height, width)))
    return cells.repeat(scale, axis=1).repeat(scale, axis=2)


def beside(cells: np.ndarray, columns: int, pad: int) -> np.ndarray:
    """Return one row of images (N, H, W[, 3]), filled up with paper to `columns` images."""
    blank = np.full_like(cells[0], PAPER)
    gap = np.full((cells.shape[1], pad, *cells.shape[3:]), PAPER, np.uint8)
    filled = [*cells, *[blank] * (columns - len(cells))]
    return np.concatenate([part for cell in filled for part in (cell, gap)][:-1], axis=1)


def normal_quantiles(n: int, low: float = 0.02) -> list[float]:
    """Return n values of N(0, 1) at evenly spaced probabilities from `low` to 1 - `low`.

    >>> [round(v, 2) for v in normal_quantiles(3)]
    [-2.05, 0.0, 2.05]
    """
    at = torch.linspace(low, 1 - low, n, dtype=torch.float64)
    return torch.special.ndtri(at).tolist()
