"""Opening a `.vrt` file, whole or damaged; what it claims is checked against its size."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

from variata.data.sizes import read_at_most
from variata.errors import StoreError
from variata.tasks.compression.layout import (
    CRC,
    END,
    HEAD,
    HEADER,
    MARK,
    MOST_DIMENSIONS,
    TAIL,
    Chunk,
    Header,
    seed_of,
)

LONGEST = HEADER.size + 4 * MOST_DIMENSIONS + CRC.size
STEP = 1 << 20
Found = dict[int, int]


@dataclass(frozen=True)
class Reader:
    """The chunks of an open file.

    Attributes:
        file, size: that is read, and its bytes.
        header: what it holds.
        offsets: where chunks begin, by their numbers; all of them in a file that is whole.
        damage: what is wrong with the file, apart from chunks; nothing in a file that is whole.
    """

    file: BinaryIO
    size: int
    header: Header
    offsets: Found
    damage: tuple[str, ...] = ()

    @classmethod
    def of(cls, file: BinaryIO, recover: bool) -> Reader:
        """Read header and index.

        Args:
            recover: whether to go on where they are damaged, as far as possible.

        Raises:
            StoreError: they are damaged, or the file is none of these; in words that follow its
                name.
        """
        size = file.seek(0, 2)
        if not recover:
            header = Header.unpacked(_at(file, 0, LONGEST))
            return cls(file, size, header, _index(file, size, header))
        damage: list[str] = []
        try:
            header = Header.unpacked(_at(file, 0, LONGEST))
        except StoreError as error:
            header = _second_header(file, size, error)
            damage.append("its header")
        try:
            offsets = _index(file, size, header)
        except StoreError:
            offsets = dict(_searched(file, size, header))
            damage.append("its index or its end")
        return cls(file, size, header, offsets, tuple(damage))

    def chunk(self, number: int) -> Chunk:
        """A chunk.

        Raises:
            StoreError: it is damaged.
        """
        found = _chunk_at(self.file, self.offsets.get(number, self.size), self.header)
        if found is None or found[0] != number:
            raise StoreError("damaged")
        return found[1]


def opened(path: Path) -> BinaryIO:
    """The file, to be read.

    Raises:
        StoreError: it cannot be opened.
    """
    try:
        return path.open("rb")
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror or error}.") from error


def _index(file: BinaryIO, size: int, header: Header) -> Found:
    """Where chunks begin, where all that lies around them is whole."""
    start = header.packed()
    length = 8 * (header.chunks + 1)
    begin = size - TAIL.size - len(start) - CRC.size - length
    if begin < len(start) + header.chunks * (HEAD.size + CRC.size):
        raise StoreError("it is cut off, or its end is damaged")
    index = _at(file, begin, length)
    rest = CRC.pack(crc32(index)) + start + TAIL.pack(len(start), END)
    if _at(file, begin + length, len(rest) + 1) != rest:
        raise StoreError("it is cut off, or its end is damaged")
    *offsets, last = struct.unpack(f"<{header.chunks + 1}Q", index)
    if last != begin or max(offsets) > begin:
        raise StoreError("there is more in it than it lists")
    return dict(enumerate(offsets))


def _second_header(file: BinaryIO, size: int, error: StoreError) -> Header:
    end = _at(file, max(0, size - TAIL.size), TAIL.size)
    length, mark = TAIL.unpack(end) if len(end) == TAIL.size else (0, b"")
    if mark != END or length + TAIL.size > size or length > LONGEST:
        raise error
    return Header.unpacked(_at(file, size - TAIL.size - length, length))


def _searched(file: BinaryIO, size: int, header: Header) -> Iterator[tuple[int, int]]:
    """Chunks that are whole, found by the marks that they begin with."""
    place = 0
    while (place := _next_mark(file, place, size)) < size:
        found = _chunk_at(file, place, header)
        if found is None:
            place += 1
            continue
        yield found[0], place
        place += HEAD.size + CRC.size + len(found[1].payload)


def _next_mark(file: BinaryIO, place: int, size: int) -> int:
    while place < size:
        piece = _at(file, place, STEP)
        at = piece.find(MARK)
        if at >= 0:
            return place + at
        place += max(1, len(piece) - len(MARK) + 1)
    return size


def _chunk_at(file: BinaryIO, place: int, header: Header) -> tuple[int, Chunk] | None:
    """The number and the chunk at a place; None where there is none that is whole."""
    head = _at(file, place, HEAD.size + CRC.size)
    if len(head) < HEAD.size + CRC.size:
        return None
    mark, number, way, length, check, rows = HEAD.unpack_from(head)
    seed = seed_of(header.packed())
    sound = mark == MARK and crc32(head[: HEAD.size], seed) == CRC.unpack(head[HEAD.size :])[0]
    if not sound or number >= header.chunks:
        return None
    payload = read_at_most(file, length)
    whole = len(payload) == length and crc32(payload) == check
    return (number, Chunk(way, payload, rows)) if whole else None


def _at(file: BinaryIO, place: int, length: int) -> bytes:
    file.seek(place)
    return file.read(length)
