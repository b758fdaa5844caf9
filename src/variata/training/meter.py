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
    waiting: list[tuple[list[str], Tensor | list[float]]] = field(default_factory=list)

    def add(self, names: list[str], figures: Tensor | list[float]) -> None:
        """Take in one step: other figures, which must be finite too, then those of these names."""
        self.waiting.append((names, figures))

    def settle(self) -> list[bool]:
        """Count the steps that wait; whether each was finite, in order."""
        waiting, self.waiting = self.waiting, []
        if not waiting:
            return []
        values = _together([figures for _, figures in waiting])
        return [self._count(names, v) for (names, _), v in zip(waiting, values, strict=True)]

    def _count(self, names: list[str], figures: list[float]) -> bool:
        finite = math.isfinite(sum(figures))
        if finite:
            self.count += 1
            for name, value in zip(names, figures[-len(names) :], strict=True):
                self.sums[name] = self.sums.get(name, 0.0) + value
        return finite

    def read(self) -> dict[str, float]:
        """The means, after which it starts anew."""
        means = {name: total / self.count for name, total in self.sums.items()}
        self.sums, self.count = {}, 0
        return means


def _together(figures: list[Tensor | list[float]]) -> list[list[float]]:
    """The figures of all steps, fetched from their device at once."""
    tensors = [f for f in figures if isinstance(f, Tensor)]
    fetched = iter(torch.cat(tensors).tolist() if tensors else [])
    return [[next(fetched) for _ in f] if isinstance(f, Tensor) else f for f in figures]
