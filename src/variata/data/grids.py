"""The level grids that pictures come on, and whether values lie on one of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from variata.data.codes import to_codes


@dataclass(frozen=True)
class Grid:
    """Evenly spaced values low, low + step, ..., `levels` of them."""

    low: float
    step: float
    levels: int

    def holds(self, low: float, high: float) -> bool:
        """Whether fractions from `low` to `high` lie within the grid."""
        return bool(self.low <= low and high <= 1)

    def tells_apart(self, low: float, high: float) -> bool:
        """Whether values do not all round to one level, unless they are all one."""
        return low == high or high - low > self.step / 2


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
    codes = to_codes(values, grid.low, grid.step)
    return bool(np.abs(codes - np.rint(codes)).max() <= 1e-3 + grid.levels * exact / 2)
