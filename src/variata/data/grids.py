"""The level grids that pictures come on, and whether values lie on one of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from variata.data.codes import to_codes
from variata.data.facts import Facts, columns_share_top
from variata.data.values import row_chunks

WIDE = 32
WIDE_BYTES = 64
BINARY_PAIRS = ((0.0, 1.0), (0.0, 255.0), (-1.0, 1.0))


@dataclass(frozen=True)
class Grid:
    """Evenly spaced values low, low + step, ..., `levels` of them."""

    low: float
    step: float
    levels: int

    def spans(self, facts: Facts) -> bool:
        """Whether fractions lie within the grid, and do not all round to one of its levels."""
        told_apart = facts.constant or facts.high - facts.low > self.step / 2
        return self.low <= facts.low and facts.high <= 1 and told_apart


UNIT_GRIDS = (
    Grid(0.0, 1 / 16, 17),
    Grid(0.0, 1 / 15, 16),
    Grid(0.0, 1 / 255, 256),
    Grid(-1.0, 2 / 255, 256),
)


def on_grid(values: np.ndarray, grid: Grid) -> bool:
    """Whether every value lies on the grid, up to the rounding of its float type.

    >>> on_grid(np.array([0, 0.2, 1.0], dtype=np.float32), Grid(0.0, 1 / 255, 256))
    True
    """
    exact = np.finfo(values.dtype).eps if values.dtype.kind == "f" else 0.0
    tolerance = 1e-3 + grid.levels * exact / 2
    for rows in row_chunks(values):
        codes = to_codes(values[rows], grid.low, grid.step)
        if np.abs(codes - np.rint(codes)).max() > tolerance:
            return False
    return True


def picture_grid(values: np.ndarray, facts: Facts) -> Grid | None:
    """Return the grid of grey levels of pictures, or None.

    Whole numbers from 0: 0..15 when 15 is the greatest value, 0..16 up to 16 (bytes excepted
    when all are one value), 0..255 beyond. Fractions: multiples of 1/16, 1/15 and 1/255 in
    [0, 1], and of 2/255 in [-1, 1].
    """
    if facts.whole and facts.low >= 0 and 1 < facts.high <= 255:
        levels = 16 if facts.high == 15 else 17 if facts.high <= 16 else 256
        return Grid(0.0, 1.0, 256 if facts.constant else levels)
    if values.dtype == np.uint8:
        return Grid(0.0, 1.0, 256)
    if values.dtype.kind != "f":
        return None
    grids = UNIT_GRIDS[2:] if facts.constant else UNIT_GRIDS
    fits = (g for g in grids if g.spans(facts) and on_grid(values, g))
    return next(fits, None)


def whole_grid(facts: Facts) -> Grid | None:
    """Return the grid of whole numbers that spans the values, when at most 256 are needed."""
    if not facts.whole or facts.high - facts.low > 255:
        return None
    if facts.low >= 0 and facts.high <= 255:
        return Grid(0.0, 1.0, 256 if facts.high > 16 else max(2, int(facts.high) + 1))
    return Grid(facts.low, 1.0, int(facts.high - facts.low) + 1)


def flattened_pictures(values: np.ndarray, facts: Facts) -> bool:
    """Whether vectors look like flattened pictures.

    They do when they have at least 64 columns and are bytes or fractions on a grid of grey
    levels, or at least 32 columns that share one range: from 0 to a usual top of grey (1, 15, 16
    or 255), and the median column that varies reaches three quarters of that top. Counts fail
    this, as their columns have tops of their own.
    """
    width = int(np.prod(values.shape[1:]))
    grid = picture_grid(values, facts)
    if grid is None or width < WIDE:
        return False
    if width >= WIDE_BYTES and (values.dtype == np.uint8 or not facts.whole):
        return True
    tops = (1.0, 15.0, 16.0, 255.0)
    return facts.low == 0 and facts.high in tops and columns_share_top(values, facts.high)
