"""The spaces that latents lie in, where they are not flat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from variata.conditionals import SphericalPosterior, head_of, shortest_way
from variata.models import LatentModel


def on_sphere(module: LatentModel) -> bool:
    """Whether latents of a level lie on a sphere."""
    return any(isinstance(head_of(v.posterior), SphericalPosterior) for v in module.levels)


def shortest(
    module: LatentModel, widths: Sequence[int], start: Tensor, end: Tensor, steps: int
) -> Tensor:
    """Latents on the shortest way between two (L,), (steps, L), level by level.

    Args:
        widths: of every level's latents.
    """
    levels: list[Any] = list(module.levels)
    share = torch.linspace(0, 1, steps, dtype=start.dtype)[:, None]
    pairs = zip(start.split(list(widths)), end.split(list(widths)), strict=True)
    parts = [
        shortest_way(head_of(level.posterior), a, b, share)
        for level, (a, b) in zip(levels, pairs, strict=True)
    ]
    return torch.cat(parts, -1)
