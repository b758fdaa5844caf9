"""A model near a row, as a linear one: what every element should be, given all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from variata.batch import Batch
from variata.data import Examples
from variata.shapes import draw_mean
from variata.tasks.bulk import read
from variata.tasks.detection.surprise import Surprise, conditional
from variata.tasks.model import Model
from variata.tasks.moments import means

STEP = 0.1  # of a slope, in standard deviations of a latent dimension


@dataclass(frozen=True)
class Latents:
    """How latents of normal rows are distributed: the mean (L,) and the covariance (L, L)."""

    mean: Tensor
    covariance: Tensor

    @classmethod
    def of(cls, z: Tensor, scale: Tensor) -> Latents:
        """By the posteriors of rows, whose means and standard deviations are (R, L)."""
        spread = torch.cov(z.T, correction=0).reshape(z.shape[1], -1)
        covariance = spread + torch.diag(scale.square().mean(0) + 1e-9)
        return cls(z.mean(0), covariance)


def surprise(model: Model, examples: Examples, latents: Latents) -> Surprise:
    """How unlikely every element of rows is, given the others, (N, D) in model space.

    Around the posterior mean of a row, the likelihood's mean is taken to be linear in z, and z to
    have the normal rows' mean and covariance; then x is Gaussian, and every element given the
    others has a closed form. On a linear Gaussian model it is exact.
    """
    found: list[Surprise] = []
    module, widths = model.module, model.widths

    def work(batch: Batch) -> Surprise:
        z = means(module.infer(batch, how=draw_mean))
        mean, covariance = latents.mean.to(z), latents.covariance.to(z)

        def decoded(at: Tensor) -> Any:
            given = dict(enumerate(at.split(widths, -1)))
            return module.imagine(len(at), batch.c, given).likelihood

        there = decoded(z)
        slope = _slope(lambda at: decoded(at).mean[0].flatten(1), z, covariance)
        usual = there.mean[0].flatten(1) + (slope @ (mean - z)[..., None]).squeeze(-1)
        noise = there.variance[0].expand_as(batch.x).flatten(1)
        return conditional(batch.x.flatten(1), usual, slope, noise, covariance)

    read(module, examples, work, found.append)
    names = ("expected", "scale", "nats")
    return Surprise(*(torch.cat([getattr(s, n).double().cpu() for s in found]) for n in names))


def _slope(decoded: Any, z: Tensor, covariance: Tensor) -> Tensor:
    """Central differences of the decoded mean, (B, D, L)."""
    columns = []
    for i, step in enumerate((STEP * covariance.diagonal().sqrt()).tolist()):
        move = torch.zeros_like(z)
        move[:, i] = step
        columns.append((decoded(z + move) - decoded(z - move)) / (2 * step))
    return torch.stack(columns, -1)
