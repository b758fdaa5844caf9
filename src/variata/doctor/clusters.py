"""A small k-means: groups of rows where nobody has named any."""

from __future__ import annotations

import torch
from torch import Tensor

GROUPS = 8
ROUNDS = 25


def clusters(x: Tensor, groups: int = GROUPS, seed: int = 0) -> Tensor:
    """Centres of at most `groups` clusters of rows x (N, D), (K, D); empty ones are left out.

    >>> sorted(clusters(torch.tensor([[0.0], [0.2], [9.0], [9.2]]), 2).flatten().tolist())
    [0.10000000149011612, 9.100000381469727]
    """
    centres = _spread_out(x, groups, torch.Generator().manual_seed(seed))
    for _ in range(ROUNDS):
        own = nearest(x, centres)
        centres = torch.stack([x[own == group].mean(0) for group in own.unique().tolist()])
    return centres


def nearest(x: Tensor, places: Tensor) -> Tensor:
    """The nearest of `places` (M, D) to every row of x (N, D), (N,)."""
    return torch.cdist(x, places).argmin(1)


def _spread_out(x: Tensor, groups: int, generator: torch.Generator) -> Tensor:
    """Rows far apart from each other (k-means++, Arthur and Vassilvitskii, 2007)."""
    chosen = [x[int(torch.randint(len(x), (1,), generator=generator))]]
    while len(chosen) < groups:
        square = torch.cdist(x, torch.stack(chosen)).amin(1).square()
        if not float(square.sum()) > 0:
            break
        chosen.append(x[int(torch.multinomial(square, 1, generator=generator))])
    return torch.stack(chosen)
