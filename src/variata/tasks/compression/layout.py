"""The bytes of a `.vrt` file; `docs/compression.md` describes them one by one.

Header, chunks, index, header again, end. Everything has a CRC-32; numbers are little-endian.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from typing import BinaryIO
from zlib import crc32

import numpy as np

from variata.errors import StoreError

MAGIC, MARK, END = b"\x89VRT\r\n\x1a\n", b"vrtC", b"vrtE"
VERSION, ROWS_OF_VALUES = 1, 1
HEADER = struct.Struct("<8sHH16s16s16sQIcBH")
HEAD = struct.Struct("<4sIBIII")
TAIL = struct.Struct("<I4s")
CRC = struct.Struct("<I")
CHUNK_BYTES = 1 << 24  # of rows in a chunk, so that a claim cannot take memory
MOST_DIMENSIONS = 32
KINDS = {"b": (1,), "u": (1, 2, 4, 8), "i": (1, 2, 4, 8), "f": (2, 4, 8)}


@dataclass(frozen=True)
class Identity:
    """What a file can be read with, 16 bytes of a SHA-256 each: in the words of errors."""

    arithmetic: bytes
    model: bytes
    schema: bytes


@dataclass(frozen=True)
class Header:
    """What a file holds.

    Attributes:
        identity: of what it was written with.
        rows: how many. chunk: how many of them a chunk has.
        dtype: of the rows. shape: of a row, in the person's own order.
    """

    identity: Identity
    rows: int
    chunk: int
    dtype: np.dtype
    shape: tuple[int, ...]

    @property
    def chunks(self) -> int:
        """How many chunks."""
        return -(-self.rows // self.chunk)

    def rows_of(self, number: int) -> range:
        """The rows of a chunk."""
        start = number * self.chunk
        return range(start, min(start + self.chunk, self.rows))

    def size_of(self, number: int) -> int:
        """Bytes of the rows of a chunk."""
        return len(self.rows_of(number)) * math.prod(self.shape) * self.dtype.itemsize

    def packed(self) -> bytes:
        """The header as bytes."""
        i = self.identity
        fixed = HEADER.pack(
            *(MAGIC, VERSION, ROWS_OF_VALUES, i.arithmetic, i.model, i.schema, self.rows),
            *(self.chunk, self.dtype.kind.encode(), self.dtype.itemsize, len(self.shape)),
        )
        content = fixed + struct.pack(f"<{len(self.shape)}I", *self.shape)
        return content + CRC.pack(crc32(content))

    @classmethod
    def unpacked(cls, content: bytes) -> Header:
        """The header that starts these bytes.

        Raises:
            StoreError: it is none, damaged, or of another version.
        """
        if len(content) < HEADER.size or not content.startswith(MAGIC):
            raise StoreError("it does not start as a .vrt file does")
        _, version, kind, *digests, rows, chunk, letter, width, dims = HEADER.unpack_from(content)
        if version != VERSION and _sound(content, dims):
            raise StoreError(f"it has version {version}, and this variata reads {VERSION}")
        if not _sound(content, dims):
            raise StoreError("its header is damaged")
        shape = struct.unpack_from(f"<{dims}I", content, HEADER.size)
        known = width in KINDS.get(letter.decode("latin1"), ())
        if kind != ROWS_OF_VALUES or not known or not rows or not chunk:
            raise StoreError("its header describes nothing that this variata knows")
        dtype = np.dtype(f"<{letter.decode()}{width}")
        made = cls(Identity(*digests), rows, chunk, dtype, shape)
        if chunk > 1 and made.size_of(0) > CHUNK_BYTES:
            raise StoreError("its header describes chunks that are too large")
        return made


def _sound(content: bytes, dims: int) -> bool:
    end = HEADER.size + 4 * dims
    enough = dims <= MOST_DIMENSIONS and len(content) >= end + CRC.size
    return enough and CRC.unpack_from(content, end)[0] == crc32(content[:end])


@dataclass(frozen=True)
class Chunk:
    """Rows as they are kept.

    Attributes:
        way: 0 as they are, 1 deflated, 2 by the model.
        payload: their bytes.
        check: CRC-32 of the rows themselves, which decides whether they came back.
    """

    way: int
    payload: bytes
    check: int

    def packed(self, number: int, seed: int) -> bytes:
        """The chunk as bytes, bound to its place in a file by the CRC of the header."""
        length, check = len(self.payload), crc32(self.payload)
        head = HEAD.pack(MARK, number, self.way, length, check, self.check)
        return head + CRC.pack(crc32(head, seed)) + self.payload


@dataclass
class Writer:
    """Writes a file chunk by chunk."""

    file: BinaryIO
    header: Header
    offsets: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.start = self.header.packed()
        self.file.write(self.start)

    def add(self, chunk: Chunk) -> None:
        """Write the next chunk."""
        self.offsets.append(self.file.tell())
        self.file.write(chunk.packed(len(self.offsets) - 1, seed_of(self.start)))

    def close(self) -> None:
        """Write what comes after the chunks."""
        places = *self.offsets, self.file.tell()
        index = struct.pack(f"<{len(places)}Q", *places)
        self.file.write(index + CRC.pack(crc32(index)) + self.start)
        self.file.write(TAIL.pack(len(self.start), END))


def seed_of(header: bytes) -> int:
    """The CRC of a packed header, from which those of its chunks' heads start."""
    return CRC.unpack(header[-CRC.size :])[0]
