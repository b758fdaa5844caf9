"""A `.vrt` file to the rows that it was made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from variata.errors import StoreError, UsageError
from variata.tasks.collect import Array, Keep, collected
from variata.tasks.compression.codec import Codec
from variata.tasks.compression.reader import Reader, opened
from variata.tasks.output import array_file
from variata.tasks.trained import Out, Trained

REASONS = {
    "arithmetic": "was written by a variata that computes otherwise: read it with that version",
    "model": "was written with another model: name the run that wrote it",
    "schema": "was written with a model of other data: name the run that wrote it",
}


@dataclass(frozen=True)
class Decompressed:
    """What `decompress` has read.

    Attributes:
        values: the rows, in the person's own units and type.
        lost: rows that are damaged and not among them, as first and last + 1; none, unless
            recovering was asked for.
        damage: what else is damaged, in words.
    """

    values: Array
    lost: tuple[tuple[int, int], ...] = ()
    damage: tuple[str, ...] = ()


def decompress(
    model: Trained,
    path: str | Path,
    rows: tuple[int, int] | None = None,
    recover: bool = False,
    out: Out = None,
) -> Decompressed:
    """Read the rows of a `.vrt` file.

    Every chunk is checked before and after it is read: what comes back are the rows that were
    written, to the last bit, or an error.

    Args:
        model: that wrote the file.
        path: the file.
        rows: the first of them and the last + 1; only their chunks are read. None for all.
        recover: leave out the chunks that are damaged, and say which, instead of an error.
        out: a `.npy` file to write to, chunk by chunk; what is returned is then mapped from it.

    Raises:
        StoreError: the file is damaged, no `.vrt` file, or another model's; nothing is written.
        UsageError: for rows that it does not have, or a model that cannot code.
    """
    source = Path(path)
    target = None if out is None else array_file(out, model.reads(source))
    codec = Codec.of(model)
    with opened(source) as file:
        try:
            reader = Reader.of(file, recover)
        except StoreError as error:
            raise StoreError(f"{source} is damaged or no file of variata's: {error}.") from error
        _require_same(reader, codec, source)
        wanted = _wanted(reader, rows)
        return _Pass(source, reader, codec, wanted, recover).run(model, target)


@dataclass
class _Pass:
    """One reading of some rows."""

    source: Path
    reader: Reader
    codec: Codec
    wanted: range
    recover: bool

    def run(self, model: Trained, target: Path | None) -> Decompressed:
        if not self.recover:
            made = collected(len(self.wanted), self._all, target, model.watch)
            return Decompressed(made)
        found = dict(self._each())
        if not found:
            raise StoreError(f"{self.source} is damaged, and none of its chunks can be read.")
        values = np.concatenate(list(found.values()))
        made = collected(len(values), lambda keep: keep(values), target, model.watch)
        return Decompressed(made, self._lost(found), self.reader.damage)

    def _all(self, keep: Keep) -> None:
        for _, values in self._each():
            keep(values)

    def _each(self) -> Iterator[tuple[int, Array]]:
        """The chunks that hold wanted rows, with these rows of them."""
        header, size = self.reader.header, self.reader.header.chunk
        numbers = range(self.wanted.start // size, -(-self.wanted.stop // size))
        for number in sorted(set(self.reader.offsets) & set(numbers)) if self.recover else numbers:
            held = header.rows_of(number)
            try:
                chunk = self.reader.chunk(number)
                values = self.codec.read(chunk, len(held), header.dtype, header.shape)
            except StoreError as error:
                if self.recover:
                    continue
                raise StoreError(
                    f"{self.source} is damaged: rows {held.start} to {held.stop - 1} cannot be "
                    "read. Recover the others with --recover (recover=True), or copy it again."
                ) from error
            start, stop = max(held.start, self.wanted.start), min(held.stop, self.wanted.stop)
            yield number, values[start - held.start : stop - held.start]

    def _lost(self, found: dict[int, Array]) -> tuple[tuple[int, int], ...]:
        """What lies between the chunks that were found."""
        lost, place = [], self.wanted.start
        for number in found:
            held = self.reader.header.rows_of(number)
            if held.start > place:
                lost.append((place, held.start))
            place = min(held.stop, self.wanted.stop)
        if place < self.wanted.stop:
            lost.append((place, self.wanted.stop))
        return tuple(lost)


def _wanted(reader: Reader, rows: tuple[int, int] | None) -> range:
    start, stop = rows or (0, reader.header.rows)
    if not 0 <= start < stop <= reader.header.rows:
        raise UsageError(
            f"The file holds {reader.header.rows} rows, from 0 on, not {start}:{stop}."
        )
    return range(start, stop)


def _require_same(reader: Reader, codec: Codec, source: Path) -> None:
    header = reader.header
    for name, reason in REASONS.items():
        if getattr(header.identity, name) != getattr(codec.identity, name):
            raise StoreError(f"{source} {reason}.")
    if header.shape != codec.schema.own_shape:
        raise StoreError(f"{source} is damaged: its rows are {header.shape}.")
