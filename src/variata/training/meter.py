"""Running figures of a training."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass
class Meter:
    """Means of the loss terms over finite steps since they were last read.

    Steps wait on their device and are looked at together, so that an accelerator is never waited
    for in between.
    """

    sums: dict[str, float] = field(default_factory=dict)
    count: int = 0
    waiting: list[tuple[Tensor, dict[str, Tensor]]] = field(default_factory=list)

    def add(self, norm: Tensor, terms: dict[str, Tensor]) -> None:
        """Take in one step: the norm of its gradient, and its terms."""
        self.waiting.append((norm, terms))

    def settle(self) -> list[bool]:
        """Count the steps that wait; whether each was finite, in order."""
        if not self.waiting:
            return []
        names = list(self.waiting[0][1])
        rows = [torch.stack([norm, *terms.values()]) for norm, terms in self.waiting]
        values = torch.stack(rows).tolist()
        self.waiting = []
        finite = [math.isfinite(row[0]) for row in values]
        for row, good in zip(values, finite, strict=True):
            if good:
                self.count += 1
                for name, value in zip(names, row[1:], strict=True):
                    self.sums[name] = self.sums.get(name, 0.0) + value
        return finite

    def read(self) -> dict[str, float]:
        """The means, after which it starts anew."""
        means = {name: total / self.count for name, total in self.sums.items()}
        self.sums, self.count = {}, 0
        return means
