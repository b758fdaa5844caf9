"""Centres of points, where codebooks start."""

from __future__ import annotations

import torch
from torch import Tensor

ROUNDS = 10


def k_means(points: Tensor, count: int, rounds: int = ROUNDS) -> Tensor:
    """Exactly so many centres of points (N, D), (count, D), with torch's global generator.

    A centre that no point is nearest to moves to a point drawn at random. Where there are fewer
    points than centres, some centres are copies of a point.

    Reference:
        Some methods for classification and analysis of multivariate observations (MacQueen, 1967)

    >>> sorted(k_means(torch.tensor([[0.0], [0.2], [9.0], [9.2]]), 2).flatten().round().tolist())
    [0.0, 9.0]
    """
    centres = _drawn(points, count)
    for _ in range(rounds):
        own = nearest(points, centres)
        counts = torch.bincount(own, minlength=count).to(points)
        sums = torch.zeros_like(centres).index_add_(0, own, points)
        used = counts[:, None] > 0
        centres = torch.where(used, sums / counts[:, None].clamp_min(1), _drawn(points, count))
    return centres


def nearest(points: Tensor, centres: Tensor) -> Tensor:
    """The number of the nearest centre (M, D) to every point (..., D), by Euclidean distance."""
    with torch.autocast(points.device.type, enabled=False):  # neighbours may be close
        return (centres.square().sum(-1) - 2 * (points @ centres.T)).argmin(-1)


def _drawn(points: Tensor, count: int) -> Tensor:
    order = torch.randperm(len(points), device=points.device)[:count]
    return points[order.repeat(-(-count // len(order)))[:count]]
