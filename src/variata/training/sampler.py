"""The order of the examples, as a function of the seed and the epoch: a position is one number."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor


def mix(*numbers: int) -> int:
    """One seed from several numbers (a 63-bit hash), so that neighbours share nothing.

    >>> mix(0, 1) != mix(1, 0)
    True
    """
    state = 0x9E3779B97F4A7C15
    for number in numbers:
        state ^= number & 0xFFFFFFFFFFFFFFFF
        state = (state * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
        state = ((state ^ (state >> 31)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 29
    return state >> 1


def permutation(rows: int, seed: int, epoch: int) -> Tensor:
    """The order in which an epoch visits the rows."""
    generator = torch.Generator().manual_seed(mix(seed, epoch))
    return torch.randperm(rows, generator=generator)


def steps_per_epoch(rows: int, batch_size: int) -> int:
    """Batches in an epoch: a last one that is smaller than half a batch is joined to its neighbour.

    >>> steps_per_epoch(100, 32), steps_per_epoch(125, 32), steps_per_epoch(5, 32)
    (3, 4, 1)
    """
    return max(1, (rows + batch_size // 2) // batch_size)


def batches(
    rows: int,
    batch_size: int,
    seed: int,
    start: int = 0,
    device: torch.device | str = "cpu",
) -> Iterator[Tensor]:
    """Row indices of every step from step `start` on, without end.

    Every row is visited once in an epoch, and no batch is smaller than half the batch size
    (unless the data is). Indices are on `device`, where an epoch's go at once.
    """
    count = steps_per_epoch(rows, batch_size)
    epoch, step = divmod(start, count)
    while True:
        order = permutation(rows, seed, epoch).to(device)
        for i in range(step, count):
            stop = rows if i == count - 1 else (i + 1) * batch_size
            yield order[i * batch_size : stop]
        epoch, step = epoch + 1, 0
