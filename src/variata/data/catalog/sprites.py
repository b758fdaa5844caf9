"""Binary pictures of one shape with five known factors, on the factor grid of dSprites.

Reference: dSprites: Disentanglement testing Sprites dataset, L. Matthey, I. Higgins, D. Hassabis,
A. Lerchner, 2017, https://github.com/deepmind/dsprites-dataset. The pictures are drawn here.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from variata.errors import DataError

SHAPES = ("square", "ellipse", "heart")
FACTORS = ("shape", "scale", "rotation", "x", "y")
SIZES = (3, 6, 40, 32, 32)
GRID_POINTS = 737_280
SIDE = 64
STAMP = 33
RADIUS = 13.0
BLOCK = 4096
EDGE = 1e-9  # so that rounding of sines does not decide on which side a pixel lies


def sprites_factors(n: int = 50_000, seed: int = 0) -> np.ndarray:
    """Return factors (n, 5) of n different random points of the grid: shape, scale, rotation, x, y.

    Factors are positions: 3 shapes, 6 scales (0.5 to 1), 40 rotations (9 degrees each), 32 columns
    and 32 rows. All of the grid comes in its own order when n is 737,280.

    >>> sprites_factors(3).shape
    (3, 5)
    """
    if not 0 < n <= GRID_POINTS:
        raise DataError(f"Expected between 1 and {GRID_POINTS} sprites, got {n}.")
    if n == GRID_POINTS:
        points = np.arange(n)
    else:
        points = np.random.default_rng(seed).choice(GRID_POINTS, n, replace=False)
    return np.stack(np.unravel_index(points, SIZES), axis=1).astype(np.int64)


def render_sprites(factors: np.ndarray) -> np.ndarray:
    """Return pictures (n, 64, 64) uint8, 1 on the shape and 0 elsewhere, of factors (n, 5).

    Raises:
        DataError: factors outside the grid.

    >>> int(render_sprites(np.array([[0, 5, 0, 16, 16]])).max())
    1
    """
    factors = _checked(np.asarray(factors))
    out = np.zeros((len(factors), SIDE * SIDE), dtype=np.uint8)
    window = (np.arange(STAMP)[:, None] * SIDE + np.arange(STAMP)).reshape(-1)
    kinds = (factors[:, 0] * SIZES[1] + factors[:, 1]) * SIZES[2] + factors[:, 2]
    corners = factors[:, 4] * SIDE + factors[:, 3]
    for start in range(0, len(out), BLOCK):
        rows = slice(start, start + BLOCK)
        np.put_along_axis(out[rows], corners[rows, None] + window, _stamps()[kinds[rows]], axis=1)
    return out.reshape(-1, SIDE, SIDE)


@cache
def _stamps() -> np.ndarray:
    """All 720 shapes in their scales and rotations, (720, 33 * 33), centred."""
    grid = np.stack(np.unravel_index(np.arange(720), SIZES[:3]), axis=1)
    axis = np.arange(STAMP) - (STAMP - 1) / 2
    scale = (RADIUS * (0.5 + 0.1 * grid[:, 1]))[:, None, None]
    angle = (grid[:, 2] * (2 * np.pi / 40))[:, None, None]
    across = (np.cos(angle) * axis + np.sin(angle) * axis[:, None]) / scale
    up = (np.sin(angle) * axis - np.cos(angle) * axis[:, None]) / scale
    shape = grid[:, 0][:, None, None]
    square = np.maximum(abs(across), abs(up)) <= 0.7 + EDGE
    ellipse = across**2 + (2 * up) ** 2 <= 1 + EDGE
    inside = np.select([shape == 0, shape == 1], [square, ellipse], _heart(across, up))
    return inside.reshape(len(grid), -1).astype(np.uint8)


def _heart(across: np.ndarray, up: np.ndarray) -> np.ndarray:
    """(x² + y² - 1)³ <= x² y³, the heart curve, made to fit the unit circle."""
    x, y = 1.3 * across, 1.3 * up + 0.1
    return (x**2 + y**2 - 1) ** 3 <= x**2 * y**3 + EDGE


def _checked(factors: np.ndarray) -> np.ndarray:
    if factors.ndim != 2 or factors.shape[1] != 5 or factors.dtype.kind not in "ui":
        raise DataError(
            f"Expected whole-number factors (n, 5), got {factors.dtype} {factors.shape}."
        )
    if ((factors < 0) | (factors >= np.asarray(SIZES))).any():
        raise DataError(f"Expected factors below {SIZES} ({', '.join(FACTORS)}).")
    return factors.astype(np.int64)
