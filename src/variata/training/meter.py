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
    waiting: list[tuple[list[Tensor], dict[str, Tensor]]] = field(default_factory=list)

    def add(self, norms: list[Tensor], terms: dict[str, Tensor]) -> None:
        """Take in one step: the norms of its gradients, and its terms."""
        self.waiting.append((norms, terms))

    def settle(self) -> list[bool]:
        """Count the steps that wait; whether each was finite, in order."""
        if not self.waiting:
            return []
        waiting, self.waiting = self.waiting, []
        flat = torch.stack([v for norms, terms in waiting for v in (*norms, *terms.values())])
        values = iter(flat.tolist())
        return [
            self._count([next(values) for _ in n], dict(zip(t, values, strict=False)))
            for n, t in waiting
        ]

    def _count(self, norms: list[float], terms: dict[str, float]) -> bool:
        finite = all(math.isfinite(norm) for norm in norms)
        if finite:
            self.count += 1
            for name, value in terms.items():
                self.sums[name] = self.sums.get(name, 0.0) + value
        return finite

    def read(self) -> dict[str, float]:
        """The means, after which it starts anew."""
        means = {name: total / self.count for name, total in self.sums.items()}
        self.sums, self.count = {}, 0
        return means
