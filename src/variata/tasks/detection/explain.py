"""Why a row is unusual: which of its columns or pixels are unlikely, given all the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from variata.data import Examples
from variata.data.layouts import to_own_order
from variata.tasks.collect import Array
from variata.tasks.detection.judge import Judge

NAMES = ("column", "value", "expected", "nats")


@dataclass(frozen=True)
class Explanation:
    """What is surprising in N rows, element by element, (N, *own_shape) each.

    Attributes:
        nats: how surprising an element is, given the others: by how much it is less likely than
            what they make expected, if all were Gaussian, and minus the logarithm of the share of
            normal rows where it is as far from that on the same side.
        expected: that, in own units.
        value: the element itself, in own units.
        columns: names of the columns; None for images, and where they have none.
    """

    nats: Array
    expected: Array
    value: Array
    columns: tuple[str, ...] | None = None

    @property
    def difference(self) -> Array:
        """The element less what is expected, in own units."""
        return self.value - self.expected

    def first(self, row: int, count: int = 3) -> list[dict[str, Any]]:
        """The most surprising elements of a row: column, value and expected, in own units, nats."""
        flat = (self.value, self.expected, self.nats)
        values = [each[row].ravel() for each in flat]
        order = np.argsort(-values[-1], kind="stable")[:count].tolist()
        return [
            dict(zip(NAMES, (self.name(i), *(float(v[i]) for v in values)), strict=True))
            for i in order
        ]

    def name(self, element: int) -> str:
        """What an element is called: its column, or its place."""
        if self.columns is not None:
            return self.columns[element]
        place = np.unravel_index(element, self.nats.shape[1:])
        return "[" + ", ".join(map(str, map(int, place))) + "]"


def explained(judges: Sequence[Judge], examples: Examples) -> Explanation:
    """The mean of what models find surprising in rows.

    A Gaussian grades what is extreme, and takes every column's tails for its own; ranks among
    normal rows know of heavy tails, and nothing of what lies beyond all of these. Nats of both
    are added.
    """
    schema, shape = judges[0].model.schema, (len(examples), *judges[0].model.schema.shape)
    found = [judge.surprise(examples) for judge in judges]
    each = [s.nats + judge.tails.nats(s.left) for s, judge in zip(found, judges, strict=True)]
    nats = torch.stack(each).mean(0).reshape(shape)
    expected = torch.stack([s.expected for s in found]).mean(0).reshape(shape)
    own = schema.decode(expected).astype(float)
    given = schema.decode(examples.all().x).astype(float)
    told = to_own_order(nats.numpy(), schema.own_shape, schema.shape)
    return Explanation(told, own, given, schema.columns)
