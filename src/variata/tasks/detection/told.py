"""What a detector found, for people and programs: tables, records and pictures."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np

from variata.data import Examples
from variata.errors import UsageError
from variata.pictures import surprises
from variata.tasks.collect import Array
from variata.tasks.detection.explain import Explanation
from variata.tasks.show import images_of

NAMED = 3  # columns of a row that are named
HEAD = ("row", "score", "anomaly")
PART = ("column", "value", "expected", "nats")


def most_unusual(scores: Array, count: int) -> Array:
    """Numbers of so many rows with the highest scores, the highest first.

    >>> most_unusual(np.array([1.0, 3.0, 2.0]), 2)
    array([1, 2])
    """
    return np.argsort(-scores, kind="stable")[:count]


def surprising(explanation: Explanation, row: int) -> list[dict[str, Any]]:
    """The most surprising columns of a row, as records."""
    return [
        dict(zip(PART, (name, expected + difference, expected, nats), strict=True))
        for name, nats, expected, difference in explanation.first(row, NAMED)
    ]


def scores_csv(scores: Array, labels: Array, explanation: Explanation | None) -> str:
    """A line for every row: its score, whether it is an anomaly, and what is surprising in it.

    >>> print(scores_csv(np.array([0.5, 2.0]), np.array([0, 1]), None))
    row,score,anomaly
    0,0.5,0
    1,2.0,1
    <BLANKLINE>
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    count = 0 if explanation is None else min(NAMED, explanation.nats[0].size)
    parts = [f"{part}_{i + 1}" for i in range(count) for part in PART]
    writer.writerow([*HEAD, *parts])
    for row, (score, label) in enumerate(zip(scores.tolist(), labels.tolist(), strict=True)):
        found = [] if explanation is None else surprising(explanation, row)
        writer.writerow([row, score, label, *(v for record in found for v in record.values())])
    return text.getvalue()


def heat_map(examples: Examples, explanation: Explanation) -> bytes:
    """Images, what was expected of them, and where they are surprising, as PNG bytes.

    Raises:
        UsageError: the rows are no images.
    """
    schema = examples.schema
    if schema.layout != "image":
        raise UsageError("A .png shows where images are surprising; a table goes to a .csv.")
    given = explanation.expected + explanation.difference
    signed = np.sign(explanation.difference) * np.sqrt(explanation.nats)
    signed = signed.reshape(len(signed), *schema.own_shape)
    if signed.ndim == 4:
        signed = signed.mean(1 if schema.own_shape == schema.shape else -1)
    shown = [images_of(schema, values) for values in (given, explanation.expected)]
    return surprises(*shown, signed)
