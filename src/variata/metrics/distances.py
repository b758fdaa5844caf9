"""Euclidean distances between rows, in float64 and in chunks that fit in memory."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

BLOCK = 8_000_000  # distances held at once: 64 MB


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """Return ||a_i - b_j||^2, (N, M), of rows (N, D) and (M, D).

    >>> squared_distances(torch.zeros(1, 2), torch.tensor([[3.0, 4.0]]))
    tensor([[25.]])
    """
    square = (a**2).sum(1)[:, None] + (b**2).sum(1)[None, :] - 2 * a @ b.T
    return square.clamp_min_(0)


def chunks_of_distances(
    a: Tensor, b: Tensor, chunk: int | None = None
) -> Iterator[tuple[slice, Tensor]]:
    """Yield (rows of a, their squared distances to all of b), `chunk` rows at a time."""
    chunk = chunk or max(1, BLOCK // len(b))
    for start in range(0, len(a), chunk):
        rows = slice(start, min(start + chunk, len(a)))
        yield rows, squared_distances(a[rows], b)


def kth_neighbour(x: Tensor, k: int, chunk: int | None = None) -> Tensor:
    """Return the squared distance of each row to its k-th nearest other row, (N,).

    >>> kth_neighbour(torch.tensor([[0.0], [1.0], [3.0]]), k=1)
    tensor([1., 1., 4.])
    """
    parts: list[Tensor] = []
    for rows, square in chunks_of_distances(x, x, chunk):
        own = torch.arange(rows.start, rows.stop, device=x.device)
        square[own - rows.start, own] = torch.inf
        parts.append(square.kthvalue(k, dim=1).values)
    return torch.cat(parts)


def nearest(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return for each row of a the distance to its nearest row of b, and that row's index.

    The distance is taken anew from the pair found, so that an exact copy is at exactly 0.

    >>> nearest(torch.tensor([[1.0]]), torch.tensor([[5.0], [1.0]]))
    (tensor([0.]), tensor([1]))
    """
    index = torch.cat([square.argmin(1) for _, square in chunks_of_distances(a, b)])
    return (a - b[index]).norm(dim=1), index
