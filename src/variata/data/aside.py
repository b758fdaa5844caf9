"""Columns of a table that are read beside its numbers: texts as well."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from variata.data.delimited import csv_column
from variata.data.npy import read_npy
from variata.data.source import pick_column
from variata.data.tables import parquet_column
from variata.data.values import is_frame
from variata.errors import UsageError

CSV = (".csv", ".tsv", ".txt", ".data")


def column_values(data: Any, column: str | int) -> np.ndarray:
    """The values of one column, (N,), as they are; "" or NaN where there are none.

    Args:
        data: a frame, an array (N, D), or a path to a .csv, .tsv, .parquet or .npy file.
        column: its name, or its number.

    Raises:
        UsageError: for data without columns.
        DataError: when there is no such column.

    >>> column_values(np.array([[1.0, 2.0], [3.0, 4.0]]), 1).tolist()
    [2.0, 4.0]
    """
    if is_frame(data):
        place = pick_column([str(c) for c in data.columns], column, "the condition")
        return data.iloc[:, place].to_numpy()
    if isinstance(data, str | Path) and Path(data).expanduser().is_file():
        return _of_file(Path(data).expanduser(), column)
    return _of_array(data, column)


def _of_file(path: Path, column: str | int) -> np.ndarray:
    suffix = "".join(path.suffixes).lower().removesuffix(".gz")
    if suffix.endswith(CSV):
        return csv_column(path, column)
    if suffix.endswith((".parquet", ".pq")):
        return parquet_column(path, column)
    return _of_array(read_npy(path) if suffix.endswith(".npy") else path, column)


def _of_array(data: Any, column: str | int) -> np.ndarray:
    array = None if isinstance(data, str | Path) else np.asarray(data)
    if array is None or array.ndim != 2:
        raise UsageError(
            f"There is no column '{column}' to condition on, since this data is no table: use "
            "'label' for its labels, or give the values themselves (condition= in Python)."
        )
    place = pick_column([str(i) for i in range(array.shape[1])], column, "the condition")
    return array[:, place]
