"""The record that travels from the data to the model."""

from __future__ import annotations

from dataclasses import dataclass

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
