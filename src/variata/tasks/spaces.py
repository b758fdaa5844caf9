"""The spaces that latents lie in, where they are not flat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from variata.conditionals import SphericalPosterior, head_of, shortest_way
from variata.models import LatentModel
from variata.tasks.collect import Array


def on_sphere(module: LatentModel) -> bool:
    """Whether latents of a level lie on a sphere."""
    return any(isinstance(head_of(v.posterior), SphericalPosterior) for v in module.levels)


def way(module: LatentModel, widths: Sequence[int], pair: Array, steps: int) -> Array:
    """Latents on the shortest way between two, (steps, L), level by level.

    Args:
        widths: of every level's latents.
        pair: (2, L).
    """
    levels: list[Any] = list(module.levels)
    ends = torch.as_tensor(pair).split(list(widths), -1)
    share = torch.linspace(0, 1, steps, dtype=ends[0].dtype)[:, None]
    parts = [
        shortest_way(head_of(level.posterior), end[0], end[1], share)
        for level, end in zip(levels, ends, strict=True)
    ]
    return torch.cat(parts, -1).numpy()
