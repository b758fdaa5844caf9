"""The C library's allocator, told to keep what a step frees: the next step asks for the same.

Otherwise glibc gives large blocks back to the system after every step, and each page of them is
fetched and zeroed anew at the next: measured, a tenth to a third of a step on a processor.
"""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3  # glibc's names for what mallopt changes
KEEP = {TRIM_THRESHOLD: 1 << 30, TOP_PAD: 1 << 26, MMAP_THRESHOLD: 1 << 30}
# What glibc adapts to by itself once a block of 32 MB has been freed; its first thresholds cannot
# be put back, since the first call of mallopt ends the adaptation.
USUAL = {TRIM_THRESHOLD: 1 << 26, TOP_PAD: 1 << 17, MMAP_THRESHOLD: 1 << 25}
SAID = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")

_depth = 0


@contextmanager
def blocks_kept(at_end: bool = False) -> Iterator[None]:
    """Keep freed blocks for the next step; at the end, what is free goes back to the system.

    Nothing happens without glibc, or where the environment says how it should allocate.

    Args:
        at_end: whether blocks that are free at the end are kept as well, as far as glibc keeps them
            by itself: for passes that take little, since the next asks for the same.

    >>> with blocks_kept(), blocks_kept():
    ...     pass
    """
    global _depth
    library = _glibc()
    _depth += 1
    if _depth == 1 and library is not None:
        _set(library, KEEP)
    try:
        yield
    finally:
        _depth -= 1
        if _depth == 0 and library is not None:
            _set(library, USUAL)
            if not at_end:
                library.malloc_trim(0)


def _set(library: Any, values: dict[int, int]) -> None:
    for name, value in values.items():
        library.mallopt(name, value)


@cache
def _glibc() -> Any:
    if platform.libc_ver()[0] != "glibc" or any(name in os.environ for name in SAID):
        return None
    try:
        library = ctypes.CDLL(None)
        return library if library.mallopt and library.malloc_trim else None
    except (OSError, AttributeError):
        return None
