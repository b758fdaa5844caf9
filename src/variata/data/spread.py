"""Mean, scale and resolution of real numbers, for standardising them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from variata.data.facts import sample_rows, smallest_gaps
from variata.data.values import row_chunks
from variata.errors import DataError

FINEST = 1e-6


@dataclass(frozen=True)
class Spread:
    """One number per column, or one for all pixels."""

    mean: tuple[float, ...]
    scale: tuple[float, ...]
    resolution: tuple[float, ...]


def measure_spread(values: np.ndarray, layout: str) -> Spread:
    """Return mean, standard deviation and resolution of (N, *own), per column (images: pooled).

    A constant column has scale 1 and resolution 1. The resolution comes from at most 10,000 rows
    and is at least 1e-6.

    >>> measure_spread(np.array([[0.0, 3.0], [2.0, 3.0]]), "vector")
    Spread(mean=(1.0, 3.0), scale=(1.0, 1.0), resolution=(2.0, 1.0))
    """
    columns = 1 if layout == "image" else int(np.prod(values.shape[1:]))
    mean, scale = _moments(values, columns)
    gaps = smallest_gaps(sample_rows(values).reshape(-1, columns)) / scale
    gaps = np.where(np.isfinite(gaps), np.maximum(gaps, FINEST), 1.0)
    return Spread(_plain(mean), _plain(scale), _plain(gaps))


def _moments(values: np.ndarray, columns: int) -> tuple[np.ndarray, np.ndarray]:
    count = values.size // columns
    chunks = [values[rows] for rows in row_chunks(values)]
    with np.errstate(over="ignore", invalid="ignore"):
        mean = np.sum([_sums(c, columns, 0.0, 1) for c in chunks], axis=0) / count
        variance = np.sum([_sums(c, columns, mean, 2) for c in chunks], axis=0) / count
    scale = np.sqrt(variance)
    if not (np.isfinite(mean).all() and np.isfinite(scale).all()):
        raise DataError("The values are too large to standardise; rescale the data first.")
    rounding = 1e-12 * np.maximum(np.abs(mean), np.finfo(np.float64).tiny)
    return mean, np.where(scale > rounding, scale, 1.0)


def _sums(chunk: np.ndarray, columns: int, around: np.ndarray | float, power: int) -> np.ndarray:
    rows = chunk.reshape(-1, columns).astype(np.float64)
    return ((rows - around) ** power).sum(0)


def _plain(numbers: np.ndarray) -> tuple[float, ...]:
    return tuple(float(v) for v in numbers)
