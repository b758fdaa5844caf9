"""Pieces of a result put together: in memory, or in a file that may be larger than memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib.format import header_data_from_array_1_0, write_array_header_1_0
from numpy.typing import NDArray

from variata.atomic import make_folder, write_atomic
from variata.errors import DataError

Array = NDArray[Any]
Keep = Callable[[Array], None]
Make = Callable[[Keep], None]
Watch = Callable[[float], None]


class Filled:
    """An array of so many rows that pieces fill in order.

    >>> filled = Filled(3)
    >>> filled.add(np.ones((2, 2)))
    >>> filled.add(np.zeros((1, 2)))
    >>> filled.array.shape
    (3, 2)
    """

    def __init__(self, rows: int) -> None:
        self.rows, self.done = rows, 0
        self.array: Array = np.empty((0,))

    def add(self, piece: Array) -> None:
        """Put a piece after those before it."""
        if self.done == 0:
            self.array = np.empty((self.rows, *piece.shape[1:]), piece.dtype)
        self.array[self.done : self.done + len(piece)] = piece
        self.done += len(piece)


class Stream:
    """A `.npy` file of so many rows that pieces are appended to.

    It is written and not mapped, so that a full disk is an error and no signal.
    """

    def __init__(self, file: BinaryIO, rows: int) -> None:
        self.file, self.rows, self.done = file, rows, 0

    def add(self, piece: Array) -> None:
        """Write a piece after those before it."""
        if self.done == 0:
            header = header_data_from_array_1_0(np.empty((0,), piece.dtype))
            header["shape"] = (self.rows, *piece.shape[1:])
            write_array_header_1_0(self.file, header)
        self.file.write(np.ascontiguousarray(piece).data)
        self.done += len(piece)


def collected(rows: int, make: Make, out: Path | None = None, watch: Watch | None = None) -> Array:
    """The rows that `make` gives in pieces: as an array, or mapped read-only from the file `out`.

    Args:
        watch: told after every piece which share of the rows is done.

    Raises:
        DataError: when there are no rows.
        StoreError: when the file cannot be written; nothing of it is then left.
    """
    if rows < 1:
        raise DataError("There are no rows to work on: give at least one.")
    if out is None:
        filled = Filled(rows)
        make(_watched(filled, watch))
        return filled.array
    make_folder(out.parent)
    write_atomic(out, lambda part: _stream(part, rows, make, watch))
    return np.load(out, mmap_mode="r")


def _stream(path: Path, rows: int, make: Make, watch: Watch | None) -> None:
    with path.open("wb") as file:
        make(_watched(Stream(file, rows), watch))


def _watched(into: Filled | Stream, watch: Watch | None) -> Keep:
    def keep(piece: Array) -> None:
        into.add(piece)
        if watch is not None:
            watch(into.done / into.rows)

    return keep
