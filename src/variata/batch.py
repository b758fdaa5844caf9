"""The record that travels from the data to the model."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """One batch of examples, in model space.

    Attributes:
        x: what the likelihood scores, (B, *X).
        seen: what the encoder reads, (B, *X): x, or x corrupted, shifted, incomplete.
        c: what everything is conditioned on, (B, *C).
        y: labels, -1 where unknown, (B,).
        mask: 1 where x was observed, (B, *X).
        index: position of each row in the data set, (B,): seeds its noise, keys caches.
    """

    x: Tensor
    seen: Tensor
    c: Tensor | None = None
    y: Tensor | None = None
    mask: Tensor | None = None
    index: Tensor | None = None

    def __len__(self) -> int:
        return self.x.shape[0]

    def parts(self, rows: int) -> list[Batch]:
        """The batch in pieces of at most so many rows, in order.

        >>> import torch
        >>> x = torch.zeros(5, 2)
        >>> [len(part) for part in Batch(x, x).parts(2)]
        [2, 2, 1]
        """
        starts = range(0, len(self), rows)
        return [self._rows(slice(start, start + rows)) for start in starts]

    def _rows(self, rows: slice) -> Batch:
        each = {f.name: getattr(self, f.name) for f in fields(self)}
        cut: dict[str, Any] = {n: None if v is None else v[rows] for n, v in each.items()}
        if self.seen is self.x:
            cut["seen"] = cut["x"]
        return Batch(**cut)
