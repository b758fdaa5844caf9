"""How much is held in memory, and giving back what was only looked at."""

from __future__ import annotations

import mmap
import os

import numpy as np

from variata.memory import free

SHARE = 4  # a data set may take one part in so many of what is available
COPIED = 1 << 28  # bytes of codes beyond which an array in memory is not held a second time
KEPT_MODES = ("r", "r+", "w+")  # of maps whose pages are in the file; those of "c" are not


def fits(size: int) -> bool:
    """Whether so many bytes of one data set are held in memory."""
    return size <= limit()


def limit() -> int:
    """Bytes of one data set that are held in memory: a quarter of what is available, divided among
    the processes that `torchrun` started on this machine."""
    return free() // SHARE // max(1, int(os.environ.get("LOCAL_WORLD_SIZE") or 1))


def mapped(array: np.ndarray) -> np.memmap | None:
    """Return the map of a file that an array is a view of, or None for an array in memory."""
    base: object = array
    while isinstance(base, np.ndarray):
        if isinstance(base, np.memmap) and isinstance(base.base, mmap.mmap):
            return base
        base = base.base
    return None


def forget(array: np.ndarray) -> None:
    """Let go of the pages of a mapped file that were read; they are read again when needed."""
    found = mapped(array)
    advice = getattr(mmap, "MADV_DONTNEED", None)
    if found is not None and advice is not None and found.mode in KEPT_MODES:
        found.base.madvise(advice)  # type: ignore[union-attr]


def workers() -> int:
    """How many threads decode pictures."""
    return min(4, os.cpu_count() or 1)
