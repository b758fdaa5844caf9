"""Arrays in memory, .npy and .npz files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from variata.data.npy import read_npy, read_npz
from variata.data.reasons import reason
from variata.data.source import Source, encode_labels, pick_column, three_parts
from variata.data.spool import with_columns
from variata.data.values import as_array
from variata.errors import DataError

DATA_KEYS = ("x", "data", "images", "features", "inputs", "imgs", "arr_0", "values", "samples")
LABEL_KEYS = ("y", "labels", "label", "targets", "target", "classes")
PART_KEYS = {
    "train": ("x_train", "train_x", "train_images", "train"),
    "valid": ("x_valid", "x_val", "valid_x", "val_images", "valid_images", "valid", "val"),
    "test": ("x_test", "test_x", "test_images", "test"),
}
PART_LABELS = {
    "train": ("y_train", "train_y", "train_labels"),
    "valid": ("y_valid", "y_val", "valid_y", "val_labels", "valid_labels"),
    "test": ("y_test", "test_y", "test_labels"),
}
SPARSE_ERRORS = (ValueError, TypeError, KeyError, IndexError, MemoryError)
DENSE, DENSER = 1 << 30, 1_000  # bytes, or times its own size, that a sparse matrix may become
SPARSE_KEYS = {"data", "indices", "indptr", "shape"}


def from_array(
    values: Any, name: str = "array", label: Any = None, ignore: Sequence[str | int] = ()
) -> Source:
    """Return a source of an array in memory; `label` is a column's number or the labels."""
    array = _numbers(values, name)
    labels = label if label is not None and not isinstance(label, (str, int)) else None
    drop = [_column(array, c, "--ignore") for c in ignore]
    if label is not None and labels is None:
        drop.append(_column(array, label, "--label"))
        labels = array[:, drop[-1]]
    array = _without(array, drop) if drop else array
    if labels is None:
        return Source(name, array)
    codes, names = encode_labels(labels, len(array))
    return Source(name, array, codes, names)


def from_npy(path: Path, label: Any = None, ignore: Sequence[str | int] = ()) -> Source:
    """Read a .npy file; nothing in it is ever executed."""
    return from_array(read_npy(path), path.name, label, ignore)


def read_array(path: str | Path) -> np.ndarray:
    """Return the numbers of a .npy file.

    Raises:
        DataError: missing, unreadable, or it holds no numbers.
    """
    if not Path(path).is_file():
        raise DataError(f"'{path}' does not exist; expected a .npy file.")
    return from_npy(Path(path)).values


def from_npz(
    path: Path, label: Any = None, key: str | None = None, ignore: Sequence[str | int] = ()
) -> Source:
    """Read a .npz file: one array, or x with labels y, or train and test parts, or scipy's CSR.

    Raises:
        DataError: unreadable, or several arrays and none with a usual name; lists them.
    """
    arrays = read_npz(path)
    if key is None and set(arrays) >= SPARSE_KEYS:
        arrays = {**_others(arrays), "x": _dense(path, arrays)}
    parts = {} if key else _parts(arrays)
    if parts:
        return _from_parts(path, arrays, parts)
    values_key = _values_key(path, arrays, key)
    labels_key = _labels_key(path, arrays, label)
    source = from_array(arrays[values_key], path.name, ignore=ignore)
    if labels_key is None or labels_key == values_key:
        return source
    codes, names = encode_labels(arrays[labels_key], len(source))
    return Source(path.name, source.values, codes, names)


def _numbers(values: Any, name: str) -> np.ndarray:
    try:
        array = as_array(values)
    except DataError as error:
        raise DataError(str(error) if name == "array" else f"'{name}': {error}") from error
    if array.ndim == 0:
        what = "The data" if name == "array" else f"'{name}'"
        raise DataError(f"{what} is a single number; expected rows of numbers, an array (N, ...).")
    return array


def _without(array: np.ndarray, drop: Sequence[int]) -> np.ndarray:
    keep = [i for i in range(array.shape[1]) if i not in drop]
    return with_columns(array, keep) if keep else array[:, :0]


def _values_key(path: Path, arrays: Mapping[str, np.ndarray], key: str | None) -> str:
    found = [key] if key is not None and key in arrays else []
    if key is None:
        found = [k for usual in DATA_KEYS for k in arrays if k.lower() == usual]
        found = found or (list(arrays) if len(arrays) == 1 else [])
    if found:
        return found[0]
    missing = f"no array '{key}'" if key else "several arrays"
    raise DataError(f"'{path}' holds {missing}: choose one of {', '.join(arrays)} with --key.")


def _labels_key(path: Path, arrays: Mapping[str, np.ndarray], label: Any) -> str | None:
    if label is None:
        return next((k for usual in LABEL_KEYS for k in arrays if k.lower() == usual), None)
    if str(label) in arrays:
        return str(label)
    raise DataError(f"'{path}' holds no array '{label}' for --label: it holds {', '.join(arrays)}.")


def _parts(arrays: Mapping[str, np.ndarray]) -> dict[str, str]:
    found = {part: _first(arrays, keys) for part, keys in PART_KEYS.items()}
    parts = {part: key for part, key in found.items() if key is not None}
    return parts if {"train", "test"} <= set(parts) else {}


def _from_parts(path: Path, arrays: Mapping[str, np.ndarray], parts: dict[str, str]) -> Source:
    values = _joined(path, arrays, list(parts.values()))
    ends = np.cumsum([len(arrays[key]) for key in parts.values()])
    counts = zip(parts.items(), ends, strict=True)
    rows = {part: np.arange(end - len(arrays[key]), end) for (part, key), end in counts}
    label_keys = [_first(arrays, PART_LABELS[part]) for part in parts]
    published = three_parts(rows)
    if None in label_keys:
        return Source(path.name, _numbers(values, path.name), published=published)
    labels = _joined(path, arrays, [key for key in label_keys if key])
    labels = labels[:, 0] if labels.shape[1:] == (1,) else labels
    codes, names = encode_labels(labels, len(values))
    return Source(path.name, _numbers(values, path.name), codes, names, published=published)


def _joined(path: Path, arrays: Mapping[str, np.ndarray], keys: Sequence[str]) -> np.ndarray:
    try:
        return np.concatenate([arrays[key] for key in keys])
    except ValueError as error:
        shapes = ", ".join(f"{key} {np.shape(arrays[key])}" for key in keys)
        raise DataError(f"The parts of '{path}' do not fit together: {shapes}.") from error


def _first(arrays: Mapping[str, np.ndarray], keys: Sequence[str]) -> str | None:
    return next((key for key in keys if key in arrays), None)


def _others(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {k: v for k, v in arrays.items() if k not in SPARSE_KEYS | {"format"}}


def _dense(path: Path, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    by_column = arrays.get("format", np.array(b"csr")).item() in (b"csc", "csc")
    try:
        shape = tuple(int(s) for s in arrays["shape"])
        _require_room(shape, arrays)
        dense = np.zeros(shape, dtype=arrays["data"].dtype)
        outer = np.repeat(np.arange(len(arrays["indptr"]) - 1), np.diff(arrays["indptr"]))
        cells = (arrays["indices"], outer) if by_column else (outer, arrays["indices"])
        np.add.at(dense, cells, arrays["data"])
    except SPARSE_ERRORS as error:
        raise DataError(f"Could not read '{path}' as a sparse matrix: {reason(error)}.") from error
    return dense


def _require_room(shape: tuple[int, ...], arrays: Mapping[str, np.ndarray]) -> None:
    size = math.prod(shape) * arrays["data"].dtype.itemsize
    held = sum(arrays[key].nbytes for key in SPARSE_KEYS)
    if size > max(DENSE, DENSER * held):
        raise ValueError(f"it would take {size:,} bytes as rows of numbers, for {held:,} here")


def _column(array: np.ndarray, column: str | int, option: str) -> int:
    if array.ndim != 2:
        raise DataError(f"{option} needs rows with columns, got an array {array.shape}.")
    return pick_column([str(i) for i in range(array.shape[1])], column, option)
