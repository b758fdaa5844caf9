"""How far the aggregate posterior q(z) lies from the prior p(z) that samples are drawn from."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from variata.metrics.estimate import Estimate
from variata.metrics.information import mutual_information
from variata.metrics.known_prior import KnownPrior
from variata.metrics.mixture import Posteriors
from variata.metrics.mmd import mmd_imq
from variata.metrics.rows import some_rows


@dataclass(frozen=True)
class AggregateGap:
    """The distance of q(z) from p(z), seen in three ways.

    Attributes:
        marginal_kl: KL(q(z) || p(z)) in nats per example.
        ceiling: log N; see `Information.ceiling`.
        mean, sd: of q(z) per latent dimension, (Z,), where the prior's are 0 and 1.
        offence: KL(N(mean, sd^2) || N(0, 1)) per dimension, (Z,) nats: what its two moments miss.
        mmd: unbiased squared MMD between draws of q(z) and of p(z), without unit.
    """

    marginal_kl: Estimate
    ceiling: float
    mean: Tensor
    sd: Tensor
    offence: Tensor
    mmd: float

    def worst(self, count: int = 5) -> tuple[int, ...]:
        """Return the dimensions whose moments are farthest from the prior's, worst first."""
        return tuple(self.offence.argsort(descending=True)[:count].tolist())


def aggregate_gap(
    means: Tensor,
    scales: Tensor,
    *,
    limit: int = 10_000,
    mmd_limit: int = 2_000,
    seed: int = 0,
    prior: KnownPrior | None = None,
) -> AggregateGap:
    """Measure the gap between the aggregate of Gaussian posteriors and the prior.

    Moments and MMD are those of latents moved and scaled per dimension so that the prior has mean
    0 and standard deviation 1 in each.

    Args:
        means, scales: of the posteriors, (N, *Z).
        limit: examples used for the KL. mmd_limit: draws used for the MMD. seed: of all draws.
        prior: None for N(0, I).

    Raises:
        ShapeError, DataError: shapes differ, a value is not finite, a scale is not positive.

    >>> shifted = torch.zeros(50, 3) + torch.tensor([0.0, 2.0, 0.5])
    >>> aggregate_gap(shifted, torch.ones(50, 3)).worst(2)
    (1, 2)
    """
    everything = Posteriors.of(means, scales, len(means), seed)
    information = mutual_information(means, scales, limit=limit, seed=seed, prior=prior)
    if prior is not None:
        moved = (everything.means - prior.mean) / prior.sd
        everything = Posteriors(moved, everything.scales / prior.sd)
    mean, sd = _moments(everything)
    return AggregateGap(
        marginal_kl=information.marginal_kl,
        ceiling=information.ceiling,
        mean=mean,
        sd=sd,
        offence=(mean**2 + sd**2 - 1) / 2 - sd.log(),
        mmd=_mmd(everything, mmd_limit, seed, prior),
    )


def _moments(q: Posteriors) -> tuple[Tensor, Tensor]:
    variance = (q.scales**2).mean(0) + q.means.var(0, unbiased=False)
    return q.means.mean(0), variance.sqrt()


def _mmd(q: Posteriors, limit: int, seed: int, prior: KnownPrior | None) -> float:
    generator = torch.Generator().manual_seed(seed + 1)
    z = some_rows(q.sample(generator), limit, seed)
    if prior is None:
        drawn = torch.randn(z.shape, generator=generator, dtype=z.dtype)
    else:
        drawn = some_rows((prior.draws - prior.mean) / prior.sd, limit, seed)
    return mmd_imq(z, drawn.to(z))
