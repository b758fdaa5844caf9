"""Codes beside the factors that the rows were made from, checked and brought to one form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from variata.errors import DataError, ShapeError, UsageError
from variata.metrics.rows import Values, as_rows

LEAST_ROWS = 20
MOST_VALUES = 256


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of codes and factors.

    Attributes:
        codes: (N, L) float64, every column with mean 0 and variance 1; 0 where it was constant.
        factors: (N, F) int64, every column's values 0, 1, ... in the order of its values; only
            the factors that vary.
        names: of those factors.
        left_out: names of the factors that do not vary, about which no rows can tell anything.
    """

    codes: np.ndarray
    factors: np.ndarray
    names: tuple[str, ...]
    left_out: tuple[str, ...] = ()

    @classmethod
    def of(cls, codes: Values, factors: Values, names: Sequence[str] | None = None) -> Table:
        """Check codes (N, *L) and whole-number factors (N, F) or (N,).

        Raises:
            DataError: fewer than 20 rows, a value that is not finite, a factor with fractions or
                with more than 256 values, or no factor that varies; says in which column.
            ShapeError: not as many codes as factors.
            UsageError: not as many names as factors.

        >>> table = Table.of(np.arange(40.0)[:, None], np.arange(40) % 2 * 5 + 3)
        >>> table.factors[:4, 0], float(table.codes.std().round(9))
        (array([0, 1, 0, 1]), 1.0)
        """
        z = as_rows(codes, "codes", LEAST_ROWS).numpy()
        y = as_rows(factors, "factors", LEAST_ROWS).numpy()
        if len(z) != len(y):
            raise ShapeError(f"Expected a row of factors for each of {len(z)} codes, got {len(y)}.")
        called = _names(names, y.shape[1])
        columns = [_positions(y[:, i], name) for i, name in enumerate(called)]
        vary = [i for i, column in enumerate(columns) if column.any()]
        if not vary:
            raise DataError("No factor varies over these rows: give rows with several values.")
        return cls(
            _standardised(z),
            np.stack([columns[i] for i in vary], axis=1),
            tuple(called[i] for i in vary),
            tuple(name for i, name in enumerate(called) if i not in vary),
        )

    @property
    def varying(self) -> np.ndarray:
        """Which codes are not constant, (L,) bool."""
        return np.any(self.codes != 0, axis=0)

    def require_factors(self, least: int, metric: str) -> None:
        """Raise a DataError unless so many factors vary."""
        if len(self.names) < least:
            raise DataError(
                f"{metric} needs at least {least} factors that vary, and there is "
                f"{len(self.names)} ({', '.join(self.names)})."
            )

    def divided(self, seed: int, share: float = 0.8) -> tuple[np.ndarray, np.ndarray]:
        """Row numbers at random: a share to learn from, and the rest to measure on."""
        order = np.random.default_rng(seed).permutation(len(self.codes))
        cut = round(share * len(order))
        return order[:cut], order[cut:]

    def some(self, limit: int, seed: int) -> Table:
        """At most so many rows, drawn at random."""
        if len(self.codes) <= limit:
            return self
        rows = np.random.default_rng(seed).choice(len(self.codes), limit, replace=False)
        fewer = Table.of(self.codes[rows], self.factors[rows], self.names)
        return replace(fewer, left_out=self.left_out + fewer.left_out)


def _names(names: Sequence[str] | None, count: int) -> tuple[str, ...]:
    called = tuple(f"factor {i}" for i in range(count)) if names is None else tuple(names)
    if len(called) != count:
        raise UsageError(f"Expected a name for each of {count} factors, got {len(called)}.")
    return called


def _positions(column: np.ndarray, name: str) -> np.ndarray:
    if (column != np.rint(column)).any():
        raise DataError(f"Expected whole numbers as factors, and '{name}' holds fractions.")
    values, positions = np.unique(column, return_inverse=True)
    if len(values) > MOST_VALUES:
        raise DataError(
            f"The factor '{name}' has {len(values)} values, and {MOST_VALUES} are the most that "
            "rows can tell apart: put them into classes first."
        )
    return positions.astype(np.int64)


def _standardised(codes: np.ndarray) -> np.ndarray:
    """Metrics do not depend on the units of codes; whether one is constant is seen exactly."""
    constant = (codes == codes[:1]).all(0)
    small = codes / np.where(constant, 1, np.abs(codes).max(0))  # so that no square overflows
    moved = small - small.mean(0)
    spread = np.where(constant, 1, moved.std(0))
    return np.where(constant, 0.0, moved / np.where(spread > 0, spread, 1))
