"""The table that a CSV file holds, filled row by row."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from variata.data import memory
from variata.data.cache import Kept, settled
from variata.data.cells import comma_advice, missing, number
from variata.data.identifiers import Identity
from variata.data.labels import Labels
from variata.data.source import Source
from variata.data.spool import Spool
from variata.data.values import CHUNK_ELEMENTS, NO_MISSING, column_name, row_chunks
from variata.errors import DataError

EXACT = 2.0**53

Marks = dict[str, tuple[str, str]]  # the first cell, and its place, with "," and with "."


@dataclass
class Suspect:
    """A column that may number the rows: then nothing in it counts, and before all are read its
    flaws are put off.
    """

    identity: Identity = field(default_factory=Identity)
    marks: Marks = field(default_factory=dict)
    flaw: DataError | None = None


@dataclass
class Table:
    """A CSV being read: what each column is for, and what was read of it so far.

    `suspects` are the columns that may number the rows; `marks` say how decimals are written.
    """

    path: Path
    delimiter: str
    columns: Sequence[str]
    named: bool
    label: int | None
    ignored: set[int]
    suspects: dict[int, Suspect]
    spool: Spool
    labels: Labels = field(default_factory=Labels)
    numbers: array[float] = field(default_factory=lambda: array("d"))
    rows: int = 0
    marks: Marks = field(default_factory=dict)

    def __post_init__(self) -> None:
        aside = self.ignored | {self.label}
        self.kept = [i for i in range(len(self.columns)) if i not in aside]

    @property
    def commas(self) -> bool:
        """Whether numbers may have decimal commas."""
        return self.delimiter != ","

    def take(self, line: int, row: Sequence[str]) -> None:
        """Add a row.

        Raises:
            DataError: of another length, or with a cell that is no number, with its place.
        """
        if len(row) != len(self.columns):
            raise DataError(self._odd_row(line, len(row)))
        if self.label is not None:
            cell = row[self.label].strip()
            self.labels.add("" if missing(cell) else cell)
        self.numbers.extend(self._read(line, i, row[i]) for i in self.kept)
        self.rows += 1
        if len(self.numbers) >= CHUNK_ELEMENTS:
            self._spool()

    def finish(self, kept: Kept) -> Source:
        """Return the source of all rows; what does not fit in memory goes to `kept`.

        Raises:
            DataError: no rows, no numbers, or decimal commas beside decimal points.
        """
        if not self.rows:
            raise DataError(f"'{self.path}' has a header and no rows.")
        chosen, notes = self._chosen()
        if not chosen:
            raise DataError(f"'{self.path}' has no columns of numbers left.")
        notes += self._decimal_notes()
        self._spool()
        raw = self.spool.finish()
        keep = [self.kept.index(i) for i in chosen]
        values = settled(raw, keep, np.int64 if are_whole(raw, keep) else raw.dtype, kept)
        codes, names = (None, None) if self.label is None else self.labels.encoded()
        columns = tuple(self.columns[i] for i in chosen) if self.named else None
        source = Source(
            self.path.name, values, codes, names, columns, "vector", note="; ".join(notes)
        )
        return source if memory.mapped(values) is None else kept.keep(source)

    def _spool(self) -> None:
        if self.numbers:
            self.spool.add(np.array(self.numbers).reshape(-1, len(self.kept)))
            del self.numbers[:]

    def _chosen(self) -> tuple[list[int], list[str]]:
        """The columns of numbers in their order, and a note for each that was left out."""
        chosen, notes = list(self.kept), []
        for i, suspect in self.suspects.items():
            if suspect.identity.verdict():
                chosen.remove(i)
                notes.append(f"column '{self.columns[i]}' numbers the rows and is left out")
            elif suspect.flaw is not None:
                raise suspect.flaw
            else:
                self.marks = suspect.marks | self.marks
        return chosen, notes

    def _decimal_notes(self) -> list[str]:
        if "," not in self.marks:
            return []
        (comma, where), (point, there) = self.marks[","], self.marks.get(".", ("", ""))
        if point:
            raise DataError(
                f"Expected one decimal mark, got {comma!r} in {where} and {point!r} in {there};"
                " write all numbers with a decimal point."
            )
        return [f"decimal commas are read as decimal points ({comma} is {number(comma, True)})"]

    def _read(self, line: int, column: int, text: str) -> float:
        suspect = self.suspects.get(column)
        if suspect is None:
            return self._cell(line, column, text, self.marks)
        suspect.identity.add(text.strip())
        try:
            return self._cell(line, column, text, suspect.marks)
        except DataError as error:
            suspect.flaw = suspect.flaw or error
            return math.nan

    def _cell(self, line: int, column: int, text: str, marks: Marks) -> float:
        value = number(text, self.commas)
        if value is None or value != value:
            raise DataError(self._no_number(line, column, text.strip()))
        mark = "," if "," in text else "." if "." in text else ""
        if self.commas and mark and mark not in marks:
            marks[mark] = text.strip(), self._place(line, column)
        return value

    def _no_number(self, line: int, column: int, text: str) -> str:
        where, name = self._place(line, column), self.columns[column]
        if missing(text):
            return f"A value is missing in {where}; {NO_MISSING}."
        advice = comma_advice(text, self.commas) or (
            f"leave the column out (--ignore {name}) or use it as the label (--label {name})"
        )
        return f"Expected a number, got {text[:40]!r} in {where}; {advice}."

    def _odd_row(self, line: int, cells: int) -> str:
        more = cells > len(self.columns) and self.delimiter == ","
        advice = "; if it has decimal commas, separate the cells with semicolons" if more else ""
        where = f"'{self.path}', line {line}"
        return f"Expected {len(self.columns)} cells in {where}, got {cells}{advice}."

    def _place(self, line: int, column: int) -> str:
        names = self.columns if self.named else None
        return f"'{self.path}', line {line}, {column_name(names, column)}"


def are_whole(values: np.ndarray, columns: Sequence[int]) -> bool:
    """Whether columns of float64 `values` hold whole numbers, so that counts can stay counts."""
    chosen = list(columns)
    return all(_whole(values[rows][:, chosen]) for rows in row_chunks(values))


def _whole(part: np.ndarray) -> bool:
    return bool((np.abs(part) < EXACT).all() and (part == np.rint(part)).all())
