"""Why a file could not be read, in a few words of our own."""

from __future__ import annotations

import gzip
import struct
import zipfile
import zlib
from pathlib import Path

from variata.errors import DataError

WORDS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    ((EOFError, struct.error), "it is cut short"),
    (gzip.BadGzipFile, "it is damaged or no gzip file"),
    (zipfile.BadZipFile, "it is damaged or no zip file"),
    (zlib.error, "its compressed part is damaged"),
    (UnicodeError, "it is not UTF-8 text; save it in that encoding"),
    (MemoryError, "it does not fit in memory"),
)


def reason(error: BaseException) -> str:
    """Return one line without a full stop.

    >>> reason(EOFError()), reason(ValueError("no such thing...\\nTry another."))
    ('it is cut short', 'no such thing')
    """
    for kinds, words in WORDS:
        if isinstance(error, kinds):
            return words
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return (text.splitlines() or [type(error).__name__])[0].rstrip(". ")


def damaged(path: Path, kind: str, start: bytes, again: str, error: BaseException) -> DataError:
    """Return the error of a file of a `kind` that begins with `start` and is written by `again`."""
    if isinstance(error, (MemoryError, PermissionError)):
        return DataError(f"Could not read '{path}': {reason(error)}.")
    what = f"'{path}' is damaged or no {kind} file ({_flaw(path, start)})"
    return DataError(f"{what}; write it again with {again}.")


def _flaw(path: Path, start: bytes) -> str:
    with path.open("rb") as stream:
        head = stream.read(len(start))
    if not head:
        return "it is empty"
    return "it is cut short or damaged inside" if head == start else "it does not start as one"
