"""What a trained model says of every row by itself: its latents, what they leave, its density."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from variata.batch import Batch
from variata.data import Examples
from variata.errors import NoDensityError
from variata.models import LatentModel, Stage
from variata.shapes import draw_mean
from variata.tasks.bounds import Bounds
from variata.tasks.bulk import read
from variata.tasks.codes import exact
from variata.tasks.moments import means, scales

DRAWS = 8  # of the importance-weighted bound


@dataclass(frozen=True)
class Evidence:
    """What encoding and decoding say of N rows, float64.

    Attributes:
        z: posterior means, (N, L).
        scale: posterior standard deviations, (N, L); 0 where there is none.
        left: mean squares of what the reconstruction at z leaves, in model space: of each column
            of a table, (N, D), of all pixels of an image together, (N, 1).
    """

    z: Tensor
    scale: Tensor
    left: Tensor

    def joined(self, other: Evidence) -> Evidence:
        """These rows and others after them."""
        names = ("z", "scale", "left")
        return Evidence(*(torch.cat([getattr(self, n), getattr(other, n)]) for n in names))


def evidence(module: LatentModel, examples: Examples) -> Evidence:
    """Encode and decode rows, without noise."""
    found: list[tuple[Tensor, ...]] = []
    image = examples.schema.layout == "image"

    def work(batch: Batch) -> tuple[Tensor, ...]:
        trace = module.observe(batch, how=draw_mean)
        likelihood: Any = trace.likelihood
        left = (batch.x - likelihood.point()[0]).flatten(1).square()
        z, scale = means(trace.stages), _scales(trace.stages)
        kept = (z, torch.zeros_like(z) if scale is None else scale)
        return tuple(v.double().cpu() for v in (*kept, left.mean(1, True) if image else left))

    read(module, examples, work, found.append)
    return Evidence(*(torch.cat(parts) for parts in zip(*found, strict=True)))


def improbability(module: LatentModel, examples: Examples, seed: int = 0) -> Tensor | None:
    """Minus the importance-weighted bound of log p(x), (N,), nats; None without a density.

    Args:
        seed: of the noise, which all rows share.
    """
    found: list[Tensor] = []
    k = 1 if exact(module) else DRAWS
    try:
        Bounds(module, examples, k, seed, own=False).each(found.append)
    except NoDensityError:
        return None
    return -torch.cat(found).double().cpu()


def _scales(stages: tuple[Stage, ...]) -> Tensor | None:
    try:
        return scales(stages)
    except (NoDensityError, NotImplementedError):
        return None
