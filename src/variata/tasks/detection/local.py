"""A model near a row, as a linear one: what every element should be, given all others."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from variata.batch import Batch
from variata.data import Examples
from variata.shapes import draw_mean
from variata.tasks.bulk import read
from variata.tasks.detection.evidence import Evidence
from variata.tasks.detection.surprise import Surprise, conditional
from variata.tasks.model import Model
from variata.tasks.moments import means
from variata.tasks.slopes import decoded, decoded_mean, slopes


@dataclass(frozen=True)
class Latents:
    """How latents of normal rows are distributed, and what they leave of the rows.

    Attributes:
        mean: (L,). covariance: (L, L).
        left: variance of x given z, (D,), or (1,) for all elements, in model space.
    """

    mean: Tensor
    covariance: Tensor
    left: Tensor

    @classmethod
    def of(cls, known: Evidence) -> Latents:
        """Moments of the aggregate posterior of rows, and what their reconstructions leave."""
        spread = torch.cov(known.z.T, correction=0).reshape(known.z.shape[1], -1)
        covariance = spread + torch.diag(known.scale.square().mean(0) + 1e-9)
        return cls(known.z.mean(0), covariance, known.left.mean(0))


def surprise(model: Model, examples: Examples, latents: Latents) -> Surprise:
    """How unlikely every element of rows is, given the others, (N, D) in model space.

    Around the posterior mean of a row, the likelihood's mean is taken to be linear in z, and z to
    have the normal rows' mean and covariance; then x is Gaussian, and every element given the
    others has a closed form. On a linear Gaussian model it is exact. Noise is taken to be no less
    than what reconstructions of normal rows leave, where a likelihood is too sure of itself.
    """
    found: list[Surprise] = []
    module = model.module

    def work(batch: Batch) -> Surprise:
        z = means(module.infer(batch, how=draw_mean))
        mean, covariance = latents.mean.to(z), latents.covariance.to(z)
        there = decoded(model, z, batch)
        moved = slopes(decoded_mean(model, batch), z, covariance.diagonal().sqrt())
        slope = torch.stack([*moved], -1)
        usual = there.mean[0].flatten(1) + (slope @ (mean - z)[..., None]).squeeze(-1)
        noise = there.variance[0].expand_as(batch.x).flatten(1).maximum(latents.left.to(z))
        return conditional(batch.x.flatten(1), usual, slope, noise, covariance)

    read(module, examples, work, found.append)
    names = ("expected", "scale", "left")
    return Surprise(*(torch.cat([getattr(s, n).double().cpu() for s in found]) for n in names))
