"""What a data set looks like: the few numbers from which its kind is inferred."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from variata.data.values import row_chunks

SAMPLE_ROWS = 10_000
SAMPLE_ELEMENTS = 8_000_000


@dataclass(frozen=True)
class Facts:
    """Extremes of all values, whether all are whole, and whether only two differ."""

    low: float
    high: float
    whole: bool
    two: bool

    @property
    def constant(self) -> bool:
        return self.low == self.high

    def span(self) -> str:
        return f"[{self.low:g}, {self.high:g}]"


def gather_facts(values: np.ndarray) -> Facts:
    """Return the facts of finite `values`, in chunks of rows.

    >>> gather_facts(np.array([[0.0, 2.5]]))
    Facts(low=0.0, high=2.5, whole=False, two=True)
    """
    low, high, whole = np.inf, -np.inf, True
    for rows in row_chunks(values):
        part = values[rows]
        low, high = min(low, part.min()), max(high, part.max())
        whole = whole and (part.dtype.kind in "bui" or bool((part == np.rint(part)).all()))
    two = low != high and _only_two(values, low, high)
    return Facts(float(low), float(high), whole, two)


def sample_rows(values: np.ndarray) -> np.ndarray:
    """Return at most 10,000 evenly spaced rows (fewer when they are large) as float64."""
    rows = min(len(values), SAMPLE_ROWS, max(2, SAMPLE_ELEMENTS // max(1, values[:1].size)))
    return values[np.linspace(0, len(values) - 1, rows).astype(np.int64)].astype(np.float64)


def overdispersed(values: np.ndarray, ratio: float = 1.5) -> bool:
    """Whether variance > ratio * mean in the median column, of those that vary."""
    rows = sample_rows(values).reshape(-1, int(np.prod(values.shape[1:])))
    mean, variance = rows.mean(0), rows.var(0)
    varies = variance > 0
    return bool(varies.any() and np.median(variance[varies] / mean[varies]) > ratio)


def zeros_are_common(values: np.ndarray) -> bool:
    """Whether at least half of the columns hold a zero: then zero is where counting starts."""
    return bool((values.reshape(len(values), -1) == 0).any(0).mean() >= 0.5)


def columns_share_top(values: np.ndarray, high: float) -> bool:
    """Whether the median of the columns that vary reaches three quarters of the greatest value."""
    flat = values.reshape(len(values), -1)
    top, bottom = flat.max(0), flat.min(0)
    varying = top[top != bottom]
    return bool(varying.size and float(np.median(varying)) >= 0.75 * high)


def smallest_gaps(columns: np.ndarray) -> np.ndarray:
    """Return the smallest gap between distinct values of each column of (N, D); NaN when constant.

    >>> smallest_gaps(np.array([[0.0, 1.0], [0.5, 1.0], [2.0, 1.0]])).tolist()
    [0.5, nan]
    """
    gaps = np.diff(np.sort(columns, axis=0), axis=0)
    gaps = np.where(gaps > 0, gaps, np.inf).min(0, initial=np.inf)
    return np.where(np.isfinite(gaps), gaps, np.nan)


def _only_two(values: np.ndarray, low: float, high: float) -> bool:
    return all(
        bool(((values[rows] == low) | (values[rows] == high)).all()) for rows in row_chunks(values)
    )
