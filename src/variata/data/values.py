"""From whatever a person holds to a numpy array of numbers."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from variata.data.memory import forget
from variata.data.reasons import reason
from variata.errors import DataError

CHUNK_ELEMENTS = 250_000
NO_MISSING = "missing values are not supported, fill them in or remove the row"


def is_frame(values: object) -> bool:
    """Whether `values` is a pandas DataFrame, without importing pandas."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(values, pandas.DataFrame)


def as_array(values: Any, columns: Sequence[str] | None = None) -> np.ndarray:
    """Return `values` (numpy, torch, DataFrame, lists, scipy sparse) as an array of real numbers.

    Masked values become NaN.

    Raises:
        DataError: text, objects, complex numbers, or rows of different lengths.

    >>> as_array([[1, 2], [3, 4]]).shape
    (2, 2)
    """
    if is_frame(values):
        return frame_array(values)
    if isinstance(values, np.ma.MaskedArray):
        values = _from_masked(values)
    elif isinstance(values, Tensor):
        values = _from_torch(values)
    elif hasattr(values, "toarray"):
        values = values.toarray()
    return require_numbers(_from_anything(values), columns)


def require_numbers(array: np.ndarray, columns: Sequence[str] | None = None) -> np.ndarray:
    """Return `array` when it holds booleans, integers or floats; raise DataError otherwise."""
    if array.dtype.kind in "buif" and array.dtype.itemsize <= 8:
        return array
    if array.dtype.kind == "f":
        return array.astype(np.float64)
    if array.dtype.kind == "c":
        raise DataError("Expected real numbers, got complex ones; pass real and imaginary parts.")
    raise DataError(
        f"Expected numbers, got values of type {array.dtype}{_first_word(array, columns)}."
        " Turn text into numbers, or leave the column out."
    )


def frame_array(frame: Any) -> np.ndarray:
    """Return the columns of a DataFrame of numbers as (N, D); missing values become NaN.

    Raises:
        DataError: a column that holds something else than numbers, named.
    """
    if frame.shape[1] == 0:
        raise DataError("The table has no columns of numbers.")
    parts = [_frame_column(str(frame.columns[i]), frame.iloc[:, i]) for i in range(frame.shape[1])]
    return np.stack(parts, axis=1)


def column_name(columns: Sequence[str] | None, index: int) -> str:
    """Name a column for an error message.

    >>> column_name(("age", "height"), 1), column_name(None, 1)
    ("column 'height'", 'column 1')
    """
    return f"column '{columns[index]}'" if columns else f"column {index}"


def unique_names(names: Iterable[object]) -> tuple[str, ...]:
    """Return names of which no two are alike, numbered as pandas does.

    >>> unique_names(["a", "b", "a"])
    ('a', 'b', 'a.1')
    """
    unique: dict[str, None] = {}
    for name in map(str, names):
        numbered = itertools.chain([name], (f"{name}.{i}" for i in itertools.count(1)))
        unique[next(n for n in numbered if n not in unique)] = None
    return tuple(unique)


def row_chunks(array: np.ndarray) -> Iterator[slice]:
    """Yield slices of rows of about a quarter of a million numbers, so that work fits in memory.

    Of a mapped file, the pages of a slice are let go before the next.
    """
    step = max(1, CHUNK_ELEMENTS // max(1, array[:1].size))
    for start in range(0, len(array), step):
        yield slice(start, start + step)
        forget(array)


def _frame_column(name: str, column: Any) -> np.ndarray:
    kind = getattr(column.dtype, "kind", "O")
    if kind not in "buif":
        raise DataError(
            f"Column '{name}' of the table holds {column.dtype} values, expected numbers;"
            f" leave it out (--ignore {name}) or use it as the label (--label {name})."
        )
    if column.isna().any():
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    return column.to_numpy(dtype=getattr(column.dtype, "numpy_dtype", column.dtype))


def _from_masked(values: np.ma.MaskedArray) -> np.ndarray:
    if not np.ma.is_masked(values) or values.dtype.kind not in "buif":
        return values.data
    return np.ma.filled(values.astype(np.float64), np.nan)


def _from_torch(values: Tensor) -> np.ndarray:
    values = values.detach().cpu()
    values = values.to_dense() if values.is_sparse else values
    try:
        return values.numpy()
    except TypeError:
        return values.float().numpy()


def _from_anything(values: Any) -> np.ndarray:
    try:
        return np.asarray(values)
    except (ValueError, TypeError) as error:
        raise DataError(f"Expected rows of numbers of one length: {reason(error)}.") from error


def _first_word(array: np.ndarray, columns: Sequence[str] | None) -> str:
    for where in np.ndindex(array.shape):
        value = array[where]
        if isinstance(value, (int, float, np.number, np.bool_)):
            continue
        column = f", {column_name(columns, where[1])}" if len(where) > 1 else ""
        return f" ({str(value)[:40]!r} in row {where[0]}{column})" if where else ""
    return ""
