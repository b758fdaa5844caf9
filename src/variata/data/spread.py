"""Mean, scale and resolution of real numbers, for standardising them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from variata.data.facts import Facts, sample_rows, smallest_gaps
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


def measure_spread(values: np.ndarray, facts: Facts) -> Spread:
    """Return mean, standard deviation and resolution of (N, *own), per column of the facts.

    A column of one value has scale 1 and resolution 1; any other varies, however little. The
    resolution comes from at most 10,000 rows and is at least 1e-6.

    Raises:
        DataError: values too large to be squared.

    >>> from variata.data.facts import gather_facts
    >>> values = np.array([[0.0, 3.0], [2.0, 3.0]])
    >>> measure_spread(values, gather_facts(values))
    Spread(mean=(1.0, 3.0), scale=(1.0, 1.0), resolution=(2.0, 1.0))
    """
    mean, scale = _moments(values, facts)
    gaps = smallest_gaps(sample_rows(values).reshape(-1, len(mean))) / scale
    gaps = np.where(np.isfinite(gaps), np.maximum(gaps, FINEST), 1.0)
    return Spread(_plain(mean), _plain(scale), _plain(gaps))


def _moments(values: np.ndarray, facts: Facts) -> tuple[np.ndarray, np.ndarray]:
    """Moments of the columns brought to [0, 1] first, where no square is lost to underflow."""
    low, high = facts.bottoms.astype(np.float64), facts.tops.astype(np.float64)
    if max(np.abs(low).max(), np.abs(high).max()) > LARGEST:
        raise DataError("The values are too large to standardise; rescale the data first.")
    span = np.where(high > low, high - low, 1.0)
    count, mean, squares = 0, np.zeros_like(low), np.zeros_like(low)
    for rows in row_chunks(values):
        part = values[rows].reshape(-1, len(low)).astype(np.float64)
        part -= low
        part /= span
        here, step = part.mean(0), len(part) / (count + len(part))
        apart = here - mean
        part -= here
        squares += np.square(part, out=part).sum(0) + apart**2 * count * step
        mean, count = mean + apart * step, count + len(part)
    scale = np.maximum(span * np.sqrt(squares / count), SMALLEST)
    return low + span * mean, np.where(high > low, scale, 1.0)


def _plain(numbers: np.ndarray) -> tuple[float, ...]:
    return tuple(float(v) for v in numbers)
