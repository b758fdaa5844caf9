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
    """What a model says of N rows, float64.

    Attributes:
        z: posterior means, (N, L).
        scale: posterior standard deviations, (N, L); 0 where there is none.
        error: squared distance of x from the likelihood's mean at z, (N,), in model space.
        distortion: -log p(x | z), (N,), nats.
        bound: minus the importance-weighted bound of log p(x), (N,), nats; None without a density.
    """

    z: Tensor
    scale: Tensor
    error: Tensor
    distortion: Tensor
    bound: Tensor | None


def evidence(module: LatentModel, examples: Examples, seed: int = 0) -> Evidence:
    """What a model says of rows, whatever is beside them.

    Args:
        seed: of the noise of the bound, which all rows share.
    """
    found: list[tuple[Tensor, ...]] = []

    def work(batch: Batch) -> tuple[Tensor, ...]:
        trace = module.observe(batch, how=draw_mean)
        likelihood: Any = trace.likelihood
        error = (batch.x - likelihood.point()[0]).flatten(1).square().sum(1)
        z, scale = means(trace.stages), _scales(trace.stages)
        kept = (z, z.new_zeros(z.shape) if scale is None else scale, error, trace.distortion()[0])
        return tuple(value.double().cpu() for value in kept)

    read(module, examples, work, found.append)
    z, scale, error, distortion = (torch.cat(parts) for parts in zip(*found, strict=True))
    return Evidence(z, scale, error, distortion, _bound(module, examples, seed))


def _scales(stages: tuple[Stage, ...]) -> Tensor | None:
    try:
        return scales(stages)
    except (NoDensityError, NotImplementedError):
        return None


def _bound(module: LatentModel, examples: Examples, seed: int) -> Tensor | None:
    found: list[Tensor] = []
    k = 1 if exact(module) else DRAWS
    try:
        Bounds(module, examples, k, seed, own=False).each(found.append)
    except NoDensityError:
        return None
    return -torch.cat(found).double().cpu()
