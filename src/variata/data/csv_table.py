"""The table that a CSV file holds, filled row by row."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from variata.data.cells import comma_advice, missing, number
from variata.data.identifiers import is_identifier
from variata.data.source import Source, encode_labels
from variata.data.values import NO_MISSING, column_name
from variata.errors import DataError

EXACT = 2.0**53


@dataclass
class Table:
    """A CSV being read: what each column is for, and what was read of it so far.

    `texts` holds the cells of the label and of columns that may number the rows; `marks` the first
    cell, and its place, with a decimal comma and with a decimal point.
    """

    path: Path
    delimiter: str
    columns: Sequence[str]
    named: bool
    label: int | None
    ignored: set[int]
    texts: dict[int, list[str]]
    numbers: array[float] = field(default_factory=lambda: array("d"))
    kept: list[int] = field(default_factory=list)
    rows: int = 0
    lines: array[int] = field(default_factory=lambda: array("q"))
    marks: dict[str, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        aside = self.ignored | set(self.texts)
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
        for i, cells in self.texts.items():
            cells.append(row[i].strip())
        self.numbers.extend(self._cell(line, i, row[i]) for i in self.kept)
        self.rows += 1
        self.lines.append(line)

    def finish(self) -> Source:
        """Return the source of all rows.

        Raises:
            DataError: no rows, no numbers, or decimal commas beside decimal points.
        """
        if not self.rows:
            raise DataError(f"'{self.path}' has a header and no rows.")
        parts, notes = self._parts()
        if not parts:
            raise DataError(f"'{self.path}' has no columns of numbers left.")
        notes += self._decimal_notes()
        values = whole_if_exact(np.stack(list(parts.values()), axis=1))
        codes, names = (None, None)
        if self.label is not None:
            labels = ["" if missing(cell) else cell for cell in self.texts[self.label]]
            codes, names = encode_labels(labels, self.rows)
        columns = tuple(self.columns[i] for i in parts) if self.named else None
        return Source(
            self.path.name, values, codes, names, columns, "vector", note="; ".join(notes)
        )

    def _parts(self) -> tuple[dict[int, np.ndarray], list[str]]:
        """The columns of numbers in their order, and a note for each that was left out."""
        read = np.array(self.numbers).reshape(self.rows, len(self.kept)).T
        parts, notes = dict(zip(self.kept, read, strict=True)), []
        for i, cells in self.texts.items():
            if i == self.label:
                continue
            if is_identifier(cells):
                notes.append(f"column '{self.columns[i]}' numbers the rows and is left out")
            else:
                lines = zip(self.lines, cells, strict=True)
                parts[i] = np.array([self._cell(line, i, cell) for line, cell in lines])
        return dict(sorted(parts.items())), notes

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

    def _cell(self, line: int, column: int, text: str) -> float:
        value = number(text, self.commas)
        if value is None or value != value:
            raise DataError(self._no_number(line, column, text.strip()))
        mark = "," if "," in text else "." if "." in text else ""
        if self.commas and mark and mark not in self.marks:
            self.marks[mark] = text.strip(), self._place(line, column)
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


def whole_if_exact(values: np.ndarray) -> np.ndarray:
    """Return float64 `values` as int64 when all are whole numbers, so that counts stay counts."""
    whole = bool((np.abs(values) < EXACT).all() and (values == np.rint(values)).all())
    return values.astype(np.int64) if whole else values
