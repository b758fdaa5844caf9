"""A labelled set as a file that training reads again."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from variata.atomic import make_folder, write_atomic
from variata.data import Schema
from variata.errors import UsageError
from variata.tasks.augment import Enlarged
from variata.tasks.collect import Array
from variata.tasks.conditions import LABEL
from variata.tasks.output import refuse_to_replace


def write_labelled(
    schema: Schema, found: Enlarged, path: str | Path, inputs: Sequence[Any] = ()
) -> Path:
    """Write rows, labels and which were made to a `.npz` (x, y, made) or, of a table, a `.csv`.

    Raises:
        UsageError: for another ending, or a file that must stay.
        StoreError: when it cannot be written.
    """
    target, labels = Path(path), np.asarray(found.names)[found.y]
    vector = schema.layout == "vector"
    if target.suffix not in (".npz", *([".csv"] if vector else [])):
        endings = ".npz or .csv" if vector else ".npz"
        raise UsageError(f"'{target}' must end in {endings}.")
    refuse_to_replace(target, inputs)
    make_folder(target.parent)
    made = np.arange(len(labels)) >= len(labels) - found.made
    if target.suffix == ".npz":
        arrays = {"x": found.x, "y": labels, "made": made}
        write_atomic(target, lambda part: _save_arrays(part, arrays))
    else:
        write_atomic(target, lambda part: _save_table(part, schema.columns, found.x, labels))
    return target


def _save_arrays(path: Path, arrays: dict[str, Any]) -> None:
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)


def _save_table(path: Path, columns: Sequence[str] | None, x: Array, labels: Array) -> None:
    names = columns or [f"x{i}" for i in range(x.shape[1])]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*names, LABEL])
        writer.writerows([*row.tolist(), label] for row, label in zip(x, labels, strict=True))
