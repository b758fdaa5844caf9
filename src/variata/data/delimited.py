"""CSV files of numbers, read row by row with the standard library."""

from __future__ import annotations

import csv
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from variata.data.identifiers import is_identifier, named_like_id
from variata.data.source import Source, encode_labels, pick_column
from variata.data.values import column_name
from variata.errors import DataError

DELIMITERS = ",;\t"
MISSING = {"", "nan", "na", "n/a", "null", "none", "?", "-"}
EXACT = 2.0**53

Row = tuple[int, list[str]]


@dataclass
class Table:
    """A CSV being read: what each column is for, and what was read of it so far."""

    path: Path
    columns: list[str]
    named: bool
    label: int | None
    ignored: set[int]
    texts: dict[int, list[str]]
    numbers: array[float] = field(default_factory=lambda: array("d"))
    kept: list[int] = field(default_factory=list)
    rows: int = 0
    lines: array[int] = field(default_factory=lambda: array("q"))

    def __post_init__(self) -> None:
        aside = self.ignored | set(self.texts)
        self.kept = [i for i in range(len(self.columns)) if i not in aside]

    def say(self, line: int, column: int) -> str:
        names = self.columns if self.named else None
        return f"'{self.path}', line {line}, {column_name(names, column)}"


def from_csv(
    path: Path, label: str | int | None = None, ignore: Sequence[str | int] = ()
) -> Source:
    """Read a CSV of numbers: delimiter and header are found, identifiers left out with a note.

    Raises:
        DataError: a cell that is empty or no number, or a row of another length, with its place.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            sample = stream.read(65536)
            stream.seek(0)
            lines = _lines(csv.reader(stream, delimiter=delimiter_of(sample)))
            table = _read(path, lines, label, ignore)
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise DataError(f"Could not read '{path}' as a CSV of numbers: {error}.") from error
    return _finish(table)


def delimiter_of(sample: str) -> str:
    """Return the delimiter, of comma, semicolon and tab, that occurs most in the first line.

    >>> delimiter_of("a;b;c")
    ';'
    """
    first = next((line for line in sample.splitlines() if line.strip()), "")
    return max(DELIMITERS, key=first.count)


def has_header(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether a first row names the columns: it holds text where the second row holds numbers.

    A first row without any number is a header too.

    >>> has_header(["a", "b"], ["1", "x"]), has_header(["1", "cat"], ["2", "dog"])
    (True, False)
    """
    numeric = [_number(cell) is not None for cell in first]
    below = [_number(cell) is not None for cell in second]
    turns = any(b and not a for a, b in zip(numeric, below, strict=False))
    texts = any(cell.strip().lower() not in MISSING for cell in first)
    return texts and (turns or not any(numeric))


def _lines(reader: Any) -> Iterator[Row]:
    for row in reader:
        if any(cell.strip() for cell in row):
            yield reader.line_num, row


def _read(
    path: Path, lines: Iterator[Row], label: str | int | None, ignore: Sequence[str | int]
) -> Table:
    head = list(islice(lines, 2))
    if not head:
        raise DataError(f"'{path}' is empty.")
    first = [cell.strip() for cell in head[0][1]]
    first[0] = first[0].lstrip("# ")
    named = has_header(first, head[1][1] if len(head) > 1 else [])
    columns = first if named else [str(i) for i in range(len(first))]
    table = _roles(path, columns, named, label, ignore)
    for line, row in head[1 if named else 0 :]:
        _take(table, line, row)
    for line, row in lines:
        _take(table, line, row)
    return table


def _roles(
    path: Path,
    columns: list[str],
    named: bool,
    label: str | int | None,
    ignore: Sequence[str | int],
) -> Table:
    ignored = {pick_column(columns, c, "--ignore") for c in ignore}
    place = None if label is None else pick_column(columns, label, "--label")
    texts = {i for i, name in enumerate(columns) if named and named_like_id(name)} - ignored
    if place is not None:
        texts.add(place)
        ignored.discard(place)
    return Table(path, columns, named, place, ignored, {i: [] for i in sorted(texts)})


def _take(table: Table, line: int, row: list[str]) -> None:
    if len(row) != len(table.columns):
        raise DataError(
            f"Expected {len(table.columns)} cells in '{table.path}', line {line}, got {len(row)}."
        )
    for i, cells in table.texts.items():
        cells.append(row[i].strip())
    table.numbers.extend(_cell(table, line, i, row[i]) for i in table.kept)
    table.rows += 1
    table.lines.append(line)


def _cell(table: Table, line: int, column: int, text: str) -> float:
    number = _number(text)
    if number is not None and number == number:
        return number
    where = table.say(line, column)
    if text.strip().lower() in MISSING:
        raise DataError(
            f"A value is missing in {where}; missing values are not supported, fill them in or"
            " remove the row."
        )
    name = table.columns[column]
    raise DataError(
        f"Expected a number, got {text.strip()[:40]!r} in {where}; leave the column out"
        f" (--ignore {name}) or use it as the label (--label {name})."
    )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _finish(table: Table) -> Source:
    if not table.rows:
        raise DataError(f"'{table.path}' has a header and no rows.")
    parts = dict(zip(table.kept, _columns(table), strict=True))
    notes = []
    for i, cells in table.texts.items():
        if i == table.label:
            continue
        if is_identifier(cells):
            notes.append(f"column '{table.columns[i]}' numbers the rows and is left out")
        else:
            lines = zip(table.lines, cells, strict=True)
            parts[i] = np.array([_cell(table, line, i, cell) for line, cell in lines])
    if not parts:
        raise DataError(f"'{table.path}' has no columns of numbers left.")
    kept = sorted(parts)
    values = whole_if_exact(np.stack([parts[i] for i in kept], axis=1))
    codes, names = (None, None)
    if table.label is not None:
        codes, names = encode_labels(_blank_missing(table.texts[table.label]), table.rows)
    columns = tuple(table.columns[i] for i in kept) if table.named else None
    return Source(table.path.name, values, codes, names, columns, "vector", note="; ".join(notes))


def whole_if_exact(values: np.ndarray) -> np.ndarray:
    """Return float64 `values` as int64 when all are whole numbers, so that counts stay counts."""
    whole = bool((np.abs(values) < EXACT).all() and (values == np.rint(values)).all())
    return values.astype(np.int64) if whole else values


def _columns(table: Table) -> np.ndarray:
    return np.frombuffer(table.numbers, dtype=np.float64).reshape(table.rows, len(table.kept)).T


def _blank_missing(cells: Sequence[str]) -> list[str]:
    return ["" if cell.lower() in MISSING else cell for cell in cells]
