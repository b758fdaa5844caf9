"""Traces with chosen posteriors, for tests of terms that read latents alone."""

from __future__ import annotations

import torch
from torch import Tensor

from variata import recipes
from variata.conditionals import StandardNormal
from variata.distributions import Dirac, Gaussian
from variata.models import LatentModel, Stage, Trace
from variata.objectives import Term
from variata.schedules import Moment
from variata.shapes import draw


def gaussian_trace(mean: Tensor, scale: Tensor, k: int = 1) -> Trace:
    """K draws of N(mean, scale^2) under the prior N(0, I); mean and scale are (B, Z)."""
    q = Gaussian(mean, scale, 1)
    return _trace(draw(q, k, len(mean)), q)


def point_trace(z: Tensor) -> Trace:
    """Latents (K, B, Z) of points."""
    return _trace(z, Dirac(z[0], 1))


def random_trace(rows: int, k: int = 1, latent: int = 4, seed: int = 0) -> Trace:
    """Of posteriors that overlap a little, in double precision; the draws follow the seed too."""
    torch.manual_seed(seed)
    mean = torch.randn(rows, latent, dtype=torch.float64)
    return gaussian_trace(mean, 0.2 + torch.rand(rows, latent, dtype=torch.float64), k)


def told(term: Term, trace: Trace) -> Tensor:
    """What a term that needs no model says of a trace."""
    return term(_NO_MODEL, trace, Moment())


def _trace(z: Tensor, q: Dirac | Gaussian) -> Trace:
    p = StandardNormal(z.shape[-1]).to(z)(None)
    return Trace((Stage(z, p, q),), Gaussian(z, torch.ones_like(z), 1))


_NO_MODEL: LatentModel = recipes.vae(shape=(1,), latent=1, hidden=(1,)).model


def joint_weight(model: LatentModel, trace: Trace) -> Tensor:
    """log p(x, z) - log q(z | x) level by level, (K, B), without the trace's own sums."""
    batch = trace.observed
    features, h, total = model.encoder(batch.seen), None, torch.zeros(trace.stages[0].z.shape[:2])
    for level, stage in zip(model.levels, trace.stages, strict=True):
        q, p = level.posterior(h, features), level.prior(h)  # type: ignore[operator]
        total = total + p.log_prob(stage.z) - q.log_prob(stage.z)
        h = level.merge(h, stage.z)  # type: ignore[operator]
    return total + model.decoder(h).log_prob(batch.x)
