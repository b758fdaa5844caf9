"""Mean, scale and resolution of real numbers, for standardising them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from variata.data.facts import sample_rows, smallest_gaps
from variata.data.values import row_chunks
from variata.errors import DataError

FINEST = 1e-6
LARGEST = 1e150
SMALLEST = float(np.nextafter(0.0, 1.0))


@dataclass(frozen=True)
class Spread:
    """One number per column, or one for all pixels."""

    mean: tuple[float, ...]
    scale: tuple[float, ...]
    resolution: tuple[float, ...]


def measure_spread(values: np.ndarray, layout: str) -> Spread:
    """Return mean, standard deviation and resolution of (N, *own), per column (images: pooled).

    A column of one value has scale 1 and resolution 1; any other varies, however little. The
    resolution comes from at most 10,000 rows and is at least 1e-6.

    Raises:
        DataError: values too large to be squared.

    >>> measure_spread(np.array([[0.0, 3.0], [2.0, 3.0]]), "vector")
    Spread(mean=(1.0, 3.0), scale=(1.0, 1.0), resolution=(2.0, 1.0))
    """
    columns = 1 if layout == "image" else int(np.prod(values.shape[1:]))
    mean, scale = _moments(values, columns)
    gaps = smallest_gaps(sample_rows(values).reshape(-1, columns)) / scale
    gaps = np.where(np.isfinite(gaps), np.maximum(gaps, FINEST), 1.0)
    return Spread(_plain(mean), _plain(scale), _plain(gaps))


def _moments(values: np.ndarray, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Moments of the columns brought to [0, 1] first, where no square is lost to underflow."""
    low = np.min([rows.min(0) for rows in _rows(values, columns)], axis=0)
    high = np.max([rows.max(0) for rows in _rows(values, columns)], axis=0)
    if max(np.abs(low).max(), np.abs(high).max()) > LARGEST:
        raise DataError("The values are too large to standardise; rescale the data first.")
    span = np.where(high > low, high - low, 1.0)
    count = values.size // columns
    mean = sum(((rows - low) / span).sum(0) for rows in _rows(values, columns)) / count
    variance = sum((((r - low) / span - mean) ** 2).sum(0) for r in _rows(values, columns)) / count
    scale = np.maximum(span * np.sqrt(variance), SMALLEST)
    return low + span * mean, np.where(high > low, scale, 1.0)


def _rows(values: np.ndarray, columns: int) -> Iterator[np.ndarray]:
    return (values[rows].reshape(-1, columns).astype(np.float64) for rows in row_chunks(values))


def _plain(numbers: np.ndarray) -> tuple[float, ...]:
    return tuple(float(v) for v in numbers)
