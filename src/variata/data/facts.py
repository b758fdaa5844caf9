"""What a data set looks like: the few numbers from which its kind is inferred."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from variata.data.checks import require_finite
from variata.data.grids import UNIT_GRIDS, Grid, on_grid
from variata.data.memory import forget
from variata.data.values import row_chunks

SAMPLE_ROWS = 10_000
SAMPLE_ELEMENTS = 8_000_000
SAMPLE_PIECES = 64


@dataclass(frozen=True, eq=False)
class Facts:
    """What one look at all values tells.

    Attributes:
        dtype: of the values.
        width: numbers in a row.
        bottoms, tops: extremes of every column (C,); of pooled values, C = 1.
        whole: whether all are whole numbers.
        two: whether exactly two numbers occur.
        grids: those of `UNIT_GRIDS` that all values lie on and within.
    """

    dtype: np.dtype
    width: int
    bottoms: np.ndarray
    tops: np.ndarray
    whole: bool
    two: bool
    grids: tuple[Grid, ...]

    @property
    def low(self) -> float:
        return float(self.bottoms.min())

    @property
    def high(self) -> float:
        return float(self.tops.max())

    @property
    def constant(self) -> bool:
        return self.low == self.high

    def span(self) -> str:
        return f"[{self.low:g}, {self.high:g}]"


def gather_facts(
    values: np.ndarray, pooled: bool = False, columns: Sequence[str] | None = None
) -> Facts:
    """Return the facts of `values` (N, *own) in one pass over chunks of rows.

    Raises:
        DataError: NaN or infinity, with its place.

    >>> facts = gather_facts(np.array([[0.0, 2.5], [0.0, 0.0]]))
    >>> facts.low, facts.high, facts.whole, facts.two, facts.tops.tolist()
    (0.0, 2.5, False, True, [0.0, 2.5])
    """
    look = _Look(values, pooled)
    for rows in row_chunks(values):
        if not look.add(values[rows]):
            require_finite(values, columns)
    return look.facts()


class _Look:
    """Facts in the making."""

    def __init__(self, values: np.ndarray, pooled: bool) -> None:
        self.dtype, self.width, self.pooled = values.dtype, values[:1].size, pooled
        self.bottoms, self.tops = self._extremes(values[:1])
        self.whole = True
        self.found: set[float] | None = set()  # the numbers that occur, while at most two
        self.grids: tuple[Grid, ...] = UNIT_GRIDS if self.dtype.kind == "f" else ()

    def add(self, part: np.ndarray) -> bool:
        """Take rows in, unless one holds a number that is not finite."""
        if part.dtype.kind == "f" and not np.isfinite(part).all():
            return False
        bottoms, tops = self._extremes(part)
        self.bottoms, self.tops = np.minimum(self.bottoms, bottoms), np.maximum(self.tops, tops)
        self.whole = self.whole and (
            part.dtype.kind in "bui" or bool((part == np.rint(part)).all())
        )
        low, high = bottoms.min(), tops.max()
        self._count(part, low, high)
        self.grids = tuple(g for g in self.grids if g.holds(low, high) and on_grid(part, g))
        return True

    def facts(self) -> Facts:
        two = self.found is not None and len(self.found) == 2
        return Facts(self.dtype, self.width, self.bottoms, self.tops, self.whole, two, self.grids)

    def _extremes(self, part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        flat = part.reshape(-1) if self.pooled else part.reshape(len(part), -1)
        return np.atleast_1d(flat.min(0)), np.atleast_1d(flat.max(0))

    def _count(self, part: np.ndarray, low: np.generic, high: np.generic) -> None:
        if self.found is None:
            return
        self.found |= {low.item(), high.item()}
        if len(self.found) > 2 or not ((part == low) | (part == high)).all():
            self.found = None


def sample_rows(values: np.ndarray) -> np.ndarray:
    """Return at most 10,000 evenly spaced rows (fewer when they are large) as float64."""
    rows = min(len(values), SAMPLE_ROWS, max(2, SAMPLE_ELEMENTS // max(1, values[:1].size)))
    places = np.linspace(0, len(values) - 1, rows).astype(np.int64)
    sample, start = np.empty((rows, *values.shape[1:])), 0
    for some in np.array_split(places, SAMPLE_PIECES):
        sample[start : start + len(some)] = values[some]
        start += len(some)
        forget(values)
    return sample


def overdispersed(values: np.ndarray, ratio: float = 1.5) -> bool:
    """Whether variance > ratio * mean in the median column, of those that vary."""
    rows = sample_rows(values).reshape(-1, int(np.prod(values.shape[1:])))
    mean, variance = rows.mean(0), rows.var(0)
    varies = variance > 0
    return bool(varies.any() and np.median(variance[varies] / mean[varies]) > ratio)


def zeros_are_common(facts: Facts) -> bool:
    """Whether at least half of the columns of counts hold a zero: then counting starts there."""
    return bool((facts.bottoms == 0).mean() >= 0.5)


def columns_share_top(facts: Facts) -> bool:
    """Whether the median of the columns that vary reaches three quarters of the greatest value."""
    varying = facts.tops[facts.tops != facts.bottoms]
    return bool(varying.size and float(np.median(varying)) >= 0.75 * facts.high)


def smallest_gaps(columns: np.ndarray) -> np.ndarray:
    """Return the smallest gap between distinct values of each column of (N, D); NaN when constant.

    >>> smallest_gaps(np.array([[0.0, 1.0], [0.5, 1.0], [2.0, 1.0]])).tolist()
    [0.5, nan]
    """
    gaps = np.diff(np.sort(columns, axis=0), axis=0)
    gaps = np.where(gaps > 0, gaps, np.inf).min(0, initial=np.inf)
    return np.where(np.isfinite(gaps), gaps, np.nan)
