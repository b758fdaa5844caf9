"""Datasets of torch's kind, and anything that yields examples one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from torch import Tensor

from variata.data.arrays import DATA_KEYS, LABEL_KEYS
from variata.data.labels import Labels
from variata.data.pictures import pixels_of
from variata.data.reasons import reason
from variata.data.source import Source
from variata.data.spool import Say, Spool, silent
from variata.data.values import CHUNK_ELEMENTS, as_array
from variata.errors import DataError

X_KEYS = ("image", "pixel_values", *DATA_KEYS)
LISTS = (list, tuple, np.ndarray, Tensor, Mapping, str, bytes)


def is_dataset(data: Any) -> bool:
    """Whether `data` yields examples: by position, or one after another.

    >>> is_dataset(iter([[1.0], [2.0]])), is_dataset([[1.0], [2.0]])
    (True, False)
    """
    if isinstance(data, LISTS) or hasattr(data, "__array__") or hasattr(data, "toarray"):
        return False
    return hasattr(data, "__iter__") or (hasattr(data, "__getitem__") and hasattr(data, "__len__"))


def from_dataset(data: Any, say: Say = silent) -> Source:
    """Gather a map-style or iterable data set, in memory or in a file that is mapped.

    An item is an array, a tensor, a picture, a pair of one and its label, or a dictionary that
    holds them as "x" (or "image", "data", ...) and "y" (or "label", ...).

    Raises:
        DataError: no items, one that cannot be read, or items of several shapes, with the number.

    >>> source = from_dataset(iter([([1.0, 2.0], "cat"), ([3.0, 4.0], "dog")]))
    >>> source.values.tolist(), source.label_names
    ([[1.0, 2.0], [3.0, 4.0]], ('cat', 'dog'))
    """
    if hasattr(data, "batch_sampler"):
        raise DataError("A DataLoader yields batches; give its data set instead: loader.dataset.")
    gathered = _Gathered(Spool("The data set", say))
    for number, item in enumerate(_items(data)):
        gathered.add(number, item)
    return gathered.source(type(data).__name__)


class _Gathered:
    """Items so far: the rows of a chunk wait in a list, all before are spooled."""

    def __init__(self, spool: Spool) -> None:
        self.spool, self.labels = spool, Labels()
        self.waiting: list[np.ndarray] = []
        self.first: np.ndarray | None = None
        self.labelled = False

    def add(self, number: int, item: Any) -> None:
        values, label = _parted(item)
        try:
            row = pixels_of(values) if hasattr(values, "getbands") else as_array(values)
        except DataError as error:
            raise DataError(f"Item {number} of the data set: {error}") from error
        self.first = row if self.first is None else self.first
        self.waiting.append(_like(self.first, row, number))
        self.labelled = self.labelled or label is not None
        self.labels.add(label)
        if len(self.waiting) * max(1, row.size) >= CHUNK_ELEMENTS:
            self._spool()

    def source(self, name: str) -> Source:
        if self.first is None:
            raise DataError("The data set has no items.")
        self._spool()
        codes, names = self.labels.encoded() if self.labelled else (None, None)
        return Source(name, self.spool.finish(), codes, names)

    def _spool(self) -> None:
        if self.waiting:
            self.spool.add(np.stack(self.waiting))
            self.waiting.clear()


def _items(data: Any) -> Iterator[Any]:
    number = 0
    items = iter(data) if hasattr(data, "__iter__") else (data[i] for i in range(len(data)))
    while True:
        try:
            item = next(items)
        except StopIteration:
            return
        except Exception as error:  # a person's own code may raise anything
            raise DataError(
                f"Item {number} of the data set could not be read: {type(error).__name__},"
                f" {reason(error)}."
            ) from error
        yield item
        number += 1


def _parted(item: Any) -> tuple[Any, Any]:
    """What an item shows, and its label or None."""
    if isinstance(item, Mapping):
        values = next((item[key] for key in X_KEYS if key in item), None)
        return values, _label(next((item[key] for key in LABEL_KEYS if key in item), None))
    if not isinstance(item, tuple) or not item or isinstance(item[0], (int, float)):
        return item, None
    return item[0], _label(item[1] if len(item) > 1 else None)


def _label(label: Any) -> Any:
    """A single number or text as Python has it; anything else is no label."""
    if isinstance(label, (np.generic, np.ndarray, Tensor)):
        return label.item() if np.prod(label.shape) == 1 else None
    return label if isinstance(label, (int, float, str)) else None


def _like(first: np.ndarray, row: np.ndarray, number: int) -> np.ndarray:
    if row.shape != first.shape:
        raise DataError(
            f"Item {number} of the data set has shape {row.shape}, those before {first.shape};"
            " give all items one shape."
        )
    if not np.can_cast(row.dtype, first.dtype):
        raise DataError(
            f"Item {number} of the data set holds {row.dtype} numbers, those before {first.dtype};"
            " give all items one type."
        )
    return row.astype(first.dtype)  # a copy, as a data set may fill one array again and again
