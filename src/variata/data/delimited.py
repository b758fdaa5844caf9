"""CSV files of numbers, read row by row with the standard library."""

from __future__ import annotations

import csv
import gzip
import itertools
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from variata.data.cache import Kept
from variata.data.cells import missing, number
from variata.data.csv_table import Suspect, Table
from variata.data.identifiers import named_like_id
from variata.data.reasons import reason
from variata.data.source import Source, pick_column
from variata.data.spool import Say, Spool, silent
from variata.data.values import unique_names
from variata.errors import DataError

DELIMITERS = ",;\t"

Row = tuple[int, list[str]]


def from_csv(
    path: Path,
    label: str | int | None = None,
    ignore: Sequence[str | int] = (),
    say: Say = silent,
) -> Source:
    """Read a CSV of numbers: delimiter and header are found, identifiers left out with a note.

    A name that ends in .gz is read through gzip. Where semicolons or tabs separate the cells,
    decimal commas are read as decimal points, with a note. What does not fit in memory is kept in
    the cache, and mapped.

    Raises:
        DataError: a cell that is empty or no number, or a row of another length, with its place.
    """
    kept = Kept.of(path, [path], ("csv", label, *ignore), say)
    found = kept.load()
    if found is not None:
        return found
    with _delimited(path) as (delimiter, lines):
        columns, named, rows = _headed(path, delimiter, lines)
        table = _roles(path, delimiter, columns, named, label, ignore, say)
        for line, row in rows:
            table.take(line, row)
    return table.finish(kept)


def csv_column(path: Path, column: str | int) -> np.ndarray:
    """The cells of one column of a CSV, (N,) texts.

    Raises:
        DataError: it cannot be read, or has no such column; lists those there are.
    """
    with _delimited(path) as (delimiter, lines):
        columns, _, rows = _headed(path, delimiter, lines)
        place = pick_column(columns, column, "the condition")
        cells = [row[place].strip() if place < len(row) else "" for _, row in rows]
    return np.array(cells, dtype=object)


def delimiter_of(sample: str) -> str:
    """Return the delimiter, of comma, semicolon and tab, that occurs most in the first line.

    Semicolon or tab goes first when it leaves nothing but numbers in one of the first two lines.

    >>> delimiter_of("a;b;c"), delimiter_of("1,5;2,5;3,5")
    (';', ';')
    """
    first, *rest = [line for line in sample.splitlines() if line.strip()] or [""]
    for mark in ";\t":
        for line in (first, *rest[:1]):
            if mark in line and all(number(c, True) is not None for c in line.split(mark)):
                return mark
    return max(DELIMITERS, key=first.count)


def has_header(first: Sequence[str], second: Sequence[str], commas: bool = False) -> bool:
    """Whether a first row names the columns: it holds text where the second row holds numbers.

    A first row without any number is a header too. With `commas`, numbers may have decimal commas.

    >>> has_header(["a", "b"], ["1", "x"]), has_header(["1", "cat"], ["2", "dog"])
    (True, False)
    """
    numeric = [number(cell, commas) is not None for cell in first]
    below = [number(cell, commas) is not None for cell in second]
    turns = any(b and not a for a, b in zip(numeric, below, strict=False))
    texts = not all(map(missing, first))
    return texts and (turns or not any(numeric))


def _open(path: Path) -> IO[Any]:
    opened = gzip.open if path.suffix.lower() == ".gz" else open
    return opened(path, "rt", newline="", encoding="utf-8-sig")


def _lines(reader: Any) -> Iterator[Row]:
    for row in reader:
        if any(cell.strip() for cell in row):
            yield reader.line_num, row


@contextmanager
def _delimited(path: Path) -> Iterator[tuple[str, Iterator[Row]]]:
    """The delimiter of a file, and its lines with their numbers."""
    try:
        with _open(path) as stream:
            delimiter = delimiter_of(stream.read(65536))
            stream.seek(0)
            yield delimiter, _lines(csv.reader(stream, delimiter=delimiter))
    except (UnicodeDecodeError, csv.Error, OSError, EOFError, zlib.error) as error:
        why = reason(error)
        raise DataError(f"Could not read '{path}' as a CSV of numbers: {why}.") from error


def _headed(
    path: Path, delimiter: str, lines: Iterator[Row]
) -> tuple[list[str], bool, Iterator[Row]]:
    """The columns, whether the file names them, and its rows."""
    head = list(itertools.islice(lines, 2))
    if not head:
        raise DataError(f"'{path}' is empty.")
    first = [cell.strip() for cell in head[0][1]]
    first[0] = first[0].lstrip("# ")
    named = has_header(first, head[1][1] if len(head) > 1 else [], delimiter != ",")
    columns = first if named else [str(i) for i in range(len(first))]
    return columns, named, itertools.chain(head[1 if named else 0 :], lines)


def _roles(
    path: Path,
    delimiter: str,
    columns: Sequence[str],
    named: bool,
    label: str | int | None,
    ignore: Sequence[str | int],
    say: Say,
) -> Table:
    ignored = {pick_column(columns, c, "--ignore") for c in ignore}
    place = None if label is None else pick_column(columns, label, "--label")
    alike = {i for i, name in enumerate(columns) if named and named_like_id(name)}
    suspects = {i: Suspect() for i in sorted(alike - ignored - {place})}
    spool = Spool(f"'{path}'", say)
    return Table(path, delimiter, unique_names(columns), named, place, ignored, suspects, spool)
