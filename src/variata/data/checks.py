"""Checks that find the first bad cell and say where it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from variata.data.layouts import channels_last
from variata.data.values import NO_MISSING, column_name, row_chunks
from variata.errors import DataError

Where = tuple[int, ...]


def first_bad(values: np.ndarray, good: Callable[[np.ndarray], np.ndarray]) -> Where | None:
    """Return the index of the first element for which `good` is false, or None."""
    for rows in row_chunks(values):
        fine = good(values[rows])
        if not fine.all():
            row, *rest = np.unravel_index(int(np.argmin(fine)), fine.shape)
            return (int(row) + rows.start, *(int(i) for i in rest))
    return None


def say_where(where: Where, columns: Sequence[str] | None = None) -> str:
    """Name a cell of a person's array.

    >>> say_where((12, 4), ("a", "b", "c", "d", "age"))
    "row 12, column 'age'"
    >>> say_where((12, 3, 4))
    'row 12, channel 0, y 3, x 4'
    """
    row, *rest = where
    if len(rest) < 2:
        return ", ".join([f"row {row}", *(column_name(columns, i) for i in rest)])
    return "row {}, channel {}, y {}, x {}".format(row, *([0, *rest] if len(rest) == 2 else rest))


def cell(
    values: np.ndarray, where: Where, columns: Sequence[str] | None = None, first: int = 0
) -> str:
    """Return "value at place" of one bad element of (N, *own), which begin at row `first`."""
    value = values[where].item()
    if channels_last(values.shape[1:]):
        where = (where[0], where[3], where[1], where[2])
    where = (where[0] + first, *where[1:])
    return f"{value:g} at {say_where(where, columns)}"


def require_finite(
    values: np.ndarray, columns: Sequence[str] | None = None, first: int = 0
) -> None:
    """Raise DataError that names the first NaN or infinity of (N, *own), from row `first` on."""
    if values.dtype.kind != "f":
        return
    where = first_bad(values, np.isfinite)
    if where is not None:
        advice = NO_MISSING if np.isnan(values[where]) else "replace it or remove the row"
        found = cell(values, where, columns, first)
        raise DataError(f"Expected finite numbers, got {found}; {advice}.")


def require(
    values: np.ndarray,
    good: Callable[[np.ndarray], np.ndarray],
    expected: str,
    columns: Sequence[str] | None = None,
) -> None:
    """Raise DataError "Expected ..., got value at place" when an element is not `good`."""
    where = first_bad(values, good)
    if where is not None:
        raise DataError(f"Expected {expected}, got {cell(values, where, columns)}.")
