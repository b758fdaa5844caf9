"""Which grid of levels data lies on, by its facts."""

from __future__ import annotations

import numpy as np

from variata.data.facts import Facts, columns_share_top
from variata.data.grids import UNIT_GRIDS, Grid

WIDE = 32
WIDE_BYTES = 64
BINARY_PAIRS = ((0.0, 1.0), (0.0, 255.0), (-1.0, 1.0))


def binary_grid(facts: Facts) -> Grid | None:
    """Return the grid of data that holds only the two values of a usual pair, or None."""
    if facts.dtype.kind == "b" or (facts.constant and facts.low in (0.0, 1.0)):
        return Grid(0.0, 1.0, 2)
    if facts.two and (facts.low, facts.high) in BINARY_PAIRS:
        return Grid(facts.low, facts.high - facts.low, 2)
    return None


def picture_grid(facts: Facts) -> Grid | None:
    """Return the grid of grey levels of pictures, or None.

    Whole numbers from 0: 0..15 when 15 is the greatest value, 0..16 up to 16 (bytes excepted
    when all are one value), 0..255 beyond. Fractions: multiples of 1/16, 1/15 and 1/255 in
    [0, 1], and of 2/255 in [-1, 1].
    """
    if facts.whole and facts.low >= 0 and 1 < facts.high <= 255:
        levels = 16 if facts.high == 15 else 17 if facts.high <= 16 else 256
        return Grid(0.0, 1.0, 256 if facts.constant else levels)
    if facts.dtype == np.uint8:
        return Grid(0.0, 1.0, 256)
    usual = UNIT_GRIDS[2:] if facts.constant else UNIT_GRIDS
    fits = (g for g in usual if g in facts.grids and g.tells_apart(facts.low, facts.high))
    return next(fits, None)


def whole_grid(facts: Facts) -> Grid | None:
    """Return the grid of whole numbers that spans the values, when at most 256 are needed."""
    if not facts.whole or facts.high - facts.low > 255:
        return None
    if facts.low >= 0 and facts.high <= 255:
        return Grid(0.0, 1.0, 256 if facts.high > 16 else max(2, int(facts.high) + 1))
    return Grid(facts.low, 1.0, int(facts.high - facts.low) + 1)


def flattened_pictures(facts: Facts) -> bool:
    """Whether vectors look like flattened pictures.

    They do when they have at least 64 columns and are bytes or fractions on a grid of grey
    levels, or at least 32 columns that share one range: from 0 to a usual top of grey (1, 15, 16
    or 255), and the median column that varies reaches three quarters of that top. Counts fail
    this, as their columns have tops of their own.
    """
    if facts.width < WIDE or picture_grid(facts) is None:
        return False
    if facts.width >= WIDE_BYTES and (facts.dtype == np.uint8 or not facts.whole):
        return True
    return facts.low == 0 and facts.high in (1.0, 15.0, 16.0, 255.0) and columns_share_top(facts)
