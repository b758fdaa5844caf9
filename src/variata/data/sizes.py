"""What a file claims to hold, against what it can hold; nothing is allocated on a claim alone."""

from __future__ import annotations

import io
import math
import zipfile
from pathlib import Path
from typing import IO, Any

from numpy.lib import format as npy

from variata.errors import DataError

DEFLATE = 1032  # times its own size that a deflated part can become, at most
PIECE = 1 << 20
HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def require_whole_array(stream: IO[bytes], size: int) -> None:
    """Refuse a .npy whose header claims more bytes than follow it; leaves the stream at its start.

    Raises:
        ValueError: with both numbers; or the header is none.
    """
    read = HEADERS.get(npy.read_magic(stream))  # newer versions are left to numpy
    if read is not None:
        shape, _, dtype = read(stream)
        claimed, held = math.prod(map(int, shape)) * dtype.itemsize, size - stream.tell()
        if claimed > held and not dtype.hasobject:
            raise ValueError(
                f"its header says {claimed:,} bytes for shape {shape}, {held:,} follow"
            )
    stream.seek(0)


def require_whole_members(archive: zipfile.ZipFile, path: Path) -> None:
    """Refuse an archive whose members claim more than their compressed bytes can hold.

    Raises:
        DataError: naming the member.
    """
    for member in archive.infolist():
        most = DEFLATE * min(member.compress_size, path.stat().st_size) + PIECE
        if member.file_size > most:
            raise DataError(f"'{member.filename}' in '{path}' is damaged: its size cannot be.")


def read_at_most(stream: Any, size: int) -> bytes:
    """Read up to `size` bytes, in pieces, so that memory follows what is there.

    >>> read_at_most(io.BytesIO(b"abc"), 10**15)
    b'abc'
    """
    pieces = io.BytesIO()
    while (left := size - pieces.tell()) > 0 and (piece := stream.read(min(left, PIECE))):
        pieces.write(piece)
    return pieces.getvalue()
