"""Rows that come one after another: held in memory, and in a file once they do not fit."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import IO

import numpy as np

from variata.data import memory
from variata.data.places import cache_folder
from variata.data.reasons import reason
from variata.data.values import row_chunks
from variata.errors import DataError

Say = Callable[[str], None]


def silent(line: str) -> None:
    """Say nothing."""


class Spool:
    """Chunks of rows of one dtype and shape, joined in the end.

    What does not fit in memory goes to a file without a name in the cache folder, which the system
    removes when it is no longer used.

    Args:
        name: of the data, to speak of it.
        say: is told, in one line, when a file is begun.

    >>> spool = Spool("numbers")
    >>> spool.add(np.array([[1, 2]])); spool.add(np.array([[3, 4]]))
    >>> spool.finish().tolist()
    [[1, 2], [3, 4]]
    """

    def __init__(self, name: str, say: Say = silent) -> None:
        self.name, self.say = name, say
        self.parts: list[np.ndarray] = []
        self.rows, self.size = 0, 0
        self.file: IO[bytes] | None = None

    def add(self, part: np.ndarray) -> None:
        """Append rows (n, *own).

        Raises:
            DataError: when they do not fit in memory and cannot be written.
        """
        self.like = part[:0]
        self.rows, self.size = self.rows + len(part), self.size + part.nbytes
        self.parts.append(part)
        if self.file is not None or not memory.fits(self.size):
            self._write()

    def finish(self) -> np.ndarray:
        """Return all rows (N, *own), in memory or mapped."""
        shape = (self.rows, *self.like.shape[1:])
        if self.file is None:
            return _joined(self.parts, shape, self.like.dtype)
        with self.file as file:
            file.flush()
            return np.memmap(file, dtype=self.like.dtype, mode="r", shape=shape)

    def _write(self) -> None:
        try:
            if self.file is None:
                folder = cache_folder()
                folder.mkdir(parents=True, exist_ok=True)
                self.say(f"{self.name} does not fit in memory and is put in a file in {folder}.")
                self.file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed when joined
                weakref.finalize(self, self.file.close)  # or given up
            for part in self.parts:
                self.file.write(np.ascontiguousarray(part).data)
        except OSError as error:
            raise DataError(
                f"{self.name} does not fit in memory, nor in a file in {cache_folder()}:"
                f" {reason(error)}; set VARIATA_CACHE to a folder with more room."
            ) from error
        self.parts.clear()


def spooled(name: str, parts: Iterable[np.ndarray]) -> np.ndarray:
    """Return chunks of rows as one array, in memory or mapped."""
    spool = Spool(name)
    for part in parts:
        spool.add(part)
    return spool.finish()


def with_columns(values: np.ndarray, keep: Sequence[int]) -> np.ndarray:
    """Return columns of `values` (N, D), as a view where they are neighbours.

    >>> with_columns(np.array([[1, 2, 3]]), [0, 2])
    array([[1, 3]])
    """
    if list(keep) == list(range(keep[0], keep[0] + len(keep))):
        return values[:, keep[0] : keep[0] + len(keep)]
    chosen = list(keep)
    if memory.mapped(values) is None:
        return values[:, chosen]
    return spooled("The data", (values[rows][:, chosen] for rows in row_chunks(values)))


def _joined(parts: list[np.ndarray], shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """One array; each part is let go when it was copied, so that nothing is held twice for long."""
    if len(parts) == 1:
        return parts[0]
    whole, start = np.empty(shape, dtype=dtype), 0
    for i, part in enumerate(parts):
        whole[start : start + len(part)] = part
        start += len(part)
        parts[i] = part[:0].copy()
        del part
    return whole
