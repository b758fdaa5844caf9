"""Passes over held-out rows that every evaluation needs, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from variata.data import Examples
from variata.errors import NoDensityError
from variata.models import LatentModel, Trace
from variata.tasks.bounds import Bounds
from variata.tasks.bulk import batch_of, in_blocks


@dataclass(frozen=True)
class Pass:
    """One draw for every row, nats per example in model space.

    Attributes:
        distortion: -log p(x | z), (N,).
        rate: KL(q || p), (N,); None without a rate.
        rate_each: mean KL of every latent dimension, (Z,); None without a rate.
        means: posterior means, (N, Z).
        scales: posterior standard deviations, (N, Z); None without a rate.
    """

    distortion: Tensor
    rate: Tensor | None
    rate_each: Tensor | None
    means: Tensor
    scales: Tensor | None

    @property
    def elbo(self) -> Tensor | None:
        """-(rate + distortion), (N,)."""
        return None if self.rate is None else -(self.rate + self.distortion)


def one_pass(module: LatentModel, examples: Examples, seed: int = 0) -> Pass:
    """Observe every row once."""
    rows: list[tuple[Tensor, ...]] = []

    def work(part: range) -> tuple[Tensor, ...]:
        return _figures(module.observe(batch_of(module, examples, part)))

    in_blocks(module, len(examples), seed, work, rows.append)
    columns = [torch.cat(column).cpu() for column in zip(*rows, strict=True)]
    if len(columns) == 2:
        return Pass(columns[0], None, None, columns[1], None)
    distortion, means, rate, rate_each, scales = columns
    return Pass(distortion, rate, rate_each.mean(0), means, scales)


def log_likelihood(module: LatentModel, examples: Examples, k: int, seed: int = 0) -> Tensor:
    """The importance-weighted bound of log p(x) with k draws, (N,), nats in model space.

    Every row has noise of its own. Memory is bounded whatever k is.

    Raises:
        NoDensityError: for a model without densities.

    Reference:
        Importance Weighted Autoencoders (Burda et al., 2015), arXiv:1509.00519
    """
    bounds: list[Tensor] = []
    Bounds(module, examples, k, seed).each(bounds.append)
    return torch.cat(bounds)


def _figures(trace: Trace) -> tuple[Tensor, ...]:
    distortion = trace.distortion()[0]
    means = torch.cat([_posterior(s).mean.flatten(1) for s in trace.stages], -1)
    try:
        rate = trace.rate()[0]
    except NoDensityError:
        return distortion, means
    each = torch.cat([stage.rate_each()[0].flatten(1) for stage in trace.stages], -1)
    scales = torch.cat([_posterior(s).variance.sqrt().flatten(1) for s in trace.stages], -1)
    return distortion, means, rate, each, scales


def _posterior(stage: object) -> torch.distributions.Distribution:
    posterior = getattr(stage, "q", None)
    if posterior is None:
        raise NoDensityError("This level has no posterior.")
    return posterior
