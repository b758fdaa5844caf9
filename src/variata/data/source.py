"""What every place that data comes from hands over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from variata.data.factors import Factors
from variata.data.values import as_array, unique_names
from variata.errors import DataError

Part = range | np.ndarray


@dataclass(frozen=True, eq=False)
class Source:
    """Values with all that is known of them before a schema is inferred.

    Attributes:
        name: file, folder or catalogue name.
        values: (N, *own_shape), the person's numbers.
        labels: (N,) int64 positions in `label_names`, -1 where unknown, or None.
        label_names: the classes' names.
        columns: the columns' names.
        layout: "image", "vector", or None to tell by the shape.
        published: rows of train, valid and test, where the data set has such parts.
        lossy: whether the values went through lossy compression.
        note: what a person should know, one line, or "".
        factors: that the rows were made from, where they are known.
        left_out: which of its files are no rows, and why.
    """

    name: str
    values: np.ndarray
    labels: np.ndarray | None = None
    label_names: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None
    layout: str | None = None
    published: tuple[Part, ...] | None = None
    lossy: bool = False
    note: str = ""
    factors: Factors | None = None
    left_out: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.values)


def encode_labels(raw: Any, rows: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return positions (N,) in the sorted distinct labels, and their names.

    Empty text, None, NaN and -1 mean unknown and become -1 (-1 stays a class beside 1 alone).

    Raises:
        DataError: not one label per row, or fractions.

    >>> encode_labels(["cat", "dog", "", "cat"], 4)
    (array([ 0,  1, -1,  0]), ('cat', 'dog'))
    """
    array = _label_array(raw)
    if array.shape != (rows,):
        raise DataError(f"Expected one label per row ({rows}), got labels of shape {array.shape}.")
    known = _known(array)
    array = _whole_texts(array, known)
    if array.dtype.kind == "f":
        if (array[known] != np.rint(array[known])).any():
            raise DataError("Expected classes as labels (text or whole numbers), got fractions.")
        array = np.where(known, array, 0).astype(np.int64)
    names, codes = np.unique(array[known], return_inverse=True)
    out = np.full(rows, -1, dtype=np.int64)
    out[known] = codes
    return out, tuple(str(name) for name in names)


def three_parts(parts: dict[str, np.ndarray]) -> tuple[Part, ...] | None:
    """Return train, valid and test rows; a missing valid (or test) is every tenth row of train."""
    if set(parts) in (set(), {"train"}) or "train" not in parts:
        return None
    train = parts["train"]
    out = dict(parts)
    for name in ("valid", "test"):
        if name not in out and len(train) > 1:
            held = np.zeros(len(train), dtype=bool)
            held[min(9, len(train) - 1) :: 10] = True
            out[name], train = train[held], train[~held]
    return (train, out["valid"], out["test"]) if "valid" in out and "test" in out else None


def pick_column(columns: Sequence[str], column: str | int, option: str) -> int:
    """Return the position of a column given by name, or by number when no name fits.

    Raises:
        DataError: no such column, listing those there are; or several of that name.
    """
    names = unique_names(columns)
    places = [str(i) for i, name in enumerate(columns) if name == column]
    if len(places) > 1:
        raise DataError(
            f"{len(places)} columns are called '{column}'; choose one for {option} by its number:"
            f" {', '.join(places)}."
        )
    if column in names:
        return names.index(str(column))
    number = int(column) if str(column).lstrip("-").isdigit() else None
    if number is None or not -len(columns) <= number < len(columns):
        shown = ", ".join(columns[:12]) + (", ..." if len(columns) > 12 else "")
        raise DataError(f"No column '{column}' for {option}; the columns are {shown}.")
    return number % len(columns)


def _label_array(raw: Any) -> np.ndarray:
    if isinstance(raw, np.ma.MaskedArray):
        raw = as_array(raw) if raw.dtype.kind in "buif" else np.ma.filled(raw.astype(object), "")
    array = np.asarray(raw if isinstance(raw, (np.ndarray, list, tuple)) else as_array(raw))
    if array.dtype.kind == "O":
        missing = [v is None or v != v for v in array.tolist()]
        array = np.asarray(["" if m else str(v) for v, m in zip(array, missing, strict=True)])
    return array.astype(np.int64) if array.dtype.kind == "b" else array


def _whole_texts(array: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Texts that are all whole numbers become numbers, so that "10" comes after "9"."""
    if array.dtype.kind not in "US" or not known.any():
        return array
    if not all(str(t).removeprefix("-").isdecimal() and len(str(t)) < 18 for t in array[known]):
        return array
    return np.where(known, array, "-1").astype(np.int64)


def _known(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind in "US":
        return array != array.dtype.type("")
    known = np.isfinite(array)
    plus_minus = set(np.unique(array[known]).tolist()) == {-1, 1}
    return known if plus_minus else known & (array != -1)
