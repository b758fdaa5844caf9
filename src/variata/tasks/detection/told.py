"""What a detector found, for people and programs: records, tables and pictures."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from variata.atomic import make_folder, write_text
from variata.data import Examples
from variata.errors import UsageError
from variata.pictures import surprises
from variata.tasks.collect import Array
from variata.tasks.detection.detector import Detector
from variata.tasks.detection.explain import NAMES, Explanation
from variata.tasks.output import refuse_to_replace, write_output
from variata.tasks.show import images_of

NAMED = 3  # columns of a row that are named


@dataclass(frozen=True)
class Found:
    """Rows, with what a detector says of them.

    Attributes:
        scores: of all rows, (N,).
    """

    detector: Detector
    rows: Examples
    scores: Array

    @property
    def labels(self) -> Array:
        """1 for anomalies, 0 for the others, (N,)."""
        return (self.scores > self.detector.threshold_).astype(int)

    def most_unusual(self, count: int) -> Array:
        """Numbers of the rows with the highest scores, the highest first."""
        return np.argsort(-self.scores, kind="stable")[:count]

    def explained(self, rows: Array) -> Explanation:
        """What is surprising in some rows."""
        return self.detector.explain(self.rows.subset(torch.as_tensor(rows)))

    def records(self, count: int, explain: bool) -> list[dict[str, Any]]:
        """So many rows, the most unusual first, as plain values."""
        top = self.most_unusual(count)
        told = self.explained(top) if explain else None
        found: list[dict[str, Any]] = []
        for i, row in enumerate(top.tolist()):
            record = {
                "row": row,
                "score": float(self.scores[row]),
                "anomaly": int(self.labels[row]),
            }
            found.append(record if told is None else record | {"surprising": told.first(i, NAMED)})
        return found


def checked_output(path: Path, inputs: Sequence[str | Path]) -> Path:
    """The path of a `.csv`, `.npy` or `.png` file that may be written.

    Raises:
        UsageError: for another ending, or a file that must stay.
    """
    if path.suffix not in (".csv", ".png", ".npy"):
        raise UsageError(f"'{path}' must end in .csv (all rows), .npy (scores) or .png (heat map).")
    refuse_to_replace(path, inputs)
    return path


def write_found(path: Path, found: Found, count: int, explain: bool) -> None:
    """Write all rows to a `.csv`, scores to a `.npy`, a heat map of the first to a `.png`.

    Raises:
        UsageError: for a heat map of rows that are no images, or a file that must stay.
        StoreError: when it cannot be written.
    """
    inputs = found.detector.judges_[0].model.reads()
    if path.suffix == ".csv":
        refuse_to_replace(path, inputs)
        make_folder(path.parent)
        write_text(path, _csv(found, explain))
    else:
        write_output(path, lambda: heat_map(found, count), lambda: found.scores, inputs)


def _csv(found: Found, explain: bool) -> str:
    """A line for every row: its score, whether it is an anomaly, and what is surprising in it."""
    told = found.explained(np.arange(len(found.scores))) if explain else None
    count = 0 if told is None else min(NAMED, told.nats[0].size)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    parts = [f"{part}_{i + 1}" for i in range(count) for part in NAMES]
    writer.writerow(["row", "score", "anomaly", *parts])
    pairs = zip(found.scores.tolist(), found.labels.tolist(), strict=True)
    for row, pair in enumerate(pairs):
        records = [] if told is None else told.first(row, NAMED)
        writer.writerow([row, *pair, *(value for record in records for value in record.values())])
    return text.getvalue()


def strongest(values: Array, axis: int) -> Array:
    """The value farthest from 0 along an axis.

    >>> strongest(np.array([[1.0, -3.0], [2.0, 0.5]]), 1)
    array([-3.,  2.])
    """
    at = np.abs(values).argmax(axis, keepdims=True)
    return np.take_along_axis(values, at, axis).squeeze(axis)


def heat_map(found: Found, count: int) -> bytes:
    """The most unusual images, what was expected of them, and where they differ, as PNG bytes.

    Raises:
        UsageError: the rows are no images.
    """
    schema = found.rows.schema
    if schema.layout != "image":
        raise UsageError("Only images have a heat map (.png): write a table to a .csv.")
    told = found.explained(found.most_unusual(count))
    signed = np.sign(told.difference) * np.sqrt(told.nats)
    if signed.ndim == 4:  # of the colours, the most surprising one
        signed = strongest(signed, 1 if schema.own_shape == schema.shape else -1)
    return surprises(images_of(schema, told.value), images_of(schema, told.expected), signed)
