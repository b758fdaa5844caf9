"""Passes over held-out rows that every evaluation needs, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from variata.data import Examples
from variata.distributions import Gaussian
from variata.errors import NoDensityError
from variata.models import LatentModel, Stage, Trace, decodes, likelihood_of
from variata.tasks.bounds import Bounds
from variata.tasks.bulk import batch_of, in_blocks

ESTIMATED = 1_000  # rows whose likelihood is estimated


@dataclass(frozen=True)
class Pass:
    """One draw for every row, nats per example in model space.

    Attributes:
        distortion: -log p(x | z), (N,); None without a likelihood.
        rate: KL(q || p), (N,); None without a rate.
        rate_each: mean KL of every latent dimension, (Z,); None without a rate, and where the rate
            is no sum over dimensions (a prior that is not factorised).
        means: posterior means, (N, Z); Z = 0 without posteriors.
        scales: posterior standard deviations, (N, Z); None without a rate, and for codes.
    """

    distortion: Tensor | None
    rate: Tensor | None
    rate_each: Tensor | None
    means: Tensor
    scales: Tensor | None

    @property
    def elbo(self) -> Tensor | None:
        """-(rate + distortion), (N,); None where one of them is missing."""
        if self.rate is None or self.distortion is None:
            return None
        return -(self.rate + self.distortion)

    @property
    def carried(self) -> Tensor | None:
        """Nats that every latent dimension carries, (Z,); None without a rate for each.

        The rate of each; where the prior is not factorised, the rate under the Gaussian that fits
        the aggregate posterior best in each dimension. Codes carry theirs together.
        """
        if self.rate_each is not None or self.scales is None:
            return self.rate_each
        variance = self.means.var(0, unbiased=False) + self.scales.square().mean(0)
        return variance.log() / 2 - self.scales.log().mean(0)


def measured_rows(module: LatentModel, examples: Examples, limit: int = ESTIMATED) -> Examples:
    """The rows to take likelihoods of: all, or a fixed choice where each takes hundreds of passes.

    Args:
        limit: how many, where the model is a diffusion of x.
    """
    slow = not decodes(module) and likelihood_of(module) == "estimated"
    if not slow or len(examples) <= limit:
        return examples
    order = torch.randperm(len(examples), generator=torch.Generator().manual_seed(0))
    return examples.subset(order[:limit])


def one_pass(module: LatentModel, examples: Examples, seed: int = 0) -> Pass:
    """Observe every row once."""
    rows: list[dict[str, Tensor]] = []

    def work(part: range) -> dict[str, Tensor]:
        return _figures(module.observe(batch_of(module, examples, part)))

    in_blocks(module, len(examples), seed, work, rows.append)
    columns = {name: torch.cat([row[name] for row in rows]).cpu() for name in rows[0]}
    each = columns.get("each")
    return Pass(
        columns.get("distortion"),
        columns.get("rate"),
        None if each is None else each.mean(0),
        columns["means"],
        columns.get("scales"),
    )


def log_likelihood(
    module: LatentModel, examples: Examples, k: int, seed: int = 0, precision: str = "fp32"
) -> Tensor:
    """The importance-weighted bound of log p(x) with k draws, (N,), nats in model space.

    Every row has noise of its own. Memory is bounded whatever k is.

    Args:
        precision: of the products of networks, "fp32" or "bf16".

    Raises:
        NoDensityError: for a model without densities.

    Reference:
        Importance Weighted Autoencoders (Burda et al., 2015), arXiv:1509.00519
    """
    bounds: list[Tensor] = []
    Bounds(module, examples, k, seed, precision=precision).each(bounds.append)
    return torch.cat(bounds)


def _figures(trace: Trace) -> dict[str, Tensor]:
    x = trace.observed.x
    known = [s for s in trace.stages if s.q is not None]
    means = [_of_rows(s, _posterior(s).mean) for s in known]
    figures = {"means": torch.cat([x.new_zeros(x.shape[0], 0), *means], -1)}
    try:
        figures["distortion"] = trace.distortion()[0]
        figures["rate"] = trace.rate()[0]
    except NoDensityError:
        return figures
    if known and all(isinstance(stage.q, Gaussian) for stage in trace.stages):
        scales = [_of_rows(s, _posterior(s).variance.sqrt()) for s in trace.stages]
        figures["scales"] = torch.cat(scales, -1)
    if known and all(stage.exact for stage in trace.stages):
        each = [stage.rate_each()[0].flatten(1) for stage in trace.stages]
        figures["each"] = torch.cat(each, -1)
    return figures


def _of_rows(stage: Stage, value: Tensor) -> Tensor:
    """What belongs to a latent, at its first draw, (B, Z)."""
    return value.expand(stage.z.shape)[0].flatten(1)


def _posterior(stage: object) -> torch.distributions.Distribution:
    posterior = getattr(stage, "q", None)
    if posterior is None:
        raise NoDensityError("This level has no posterior.")
    return posterior
