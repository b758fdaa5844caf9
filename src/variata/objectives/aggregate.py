"""The aggregate posterior q(z), the mixture of all posteriors, as one batch knows it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from variata.distributions import Gaussian
from variata.distributions.gaussian import HALF_LOG_2PI
from variata.errors import NoDensityError
from variata.models import Stage, Trace


@dataclass(frozen=True)
class LogDensities:
    """At the drawn z of the first level, (K, B) each, in nats.

    Attributes:
        own: log q(z | x), of the posterior that z was drawn from.
        joint: log q(z).
        marginals: sum_d log q(z_d).
    """

    own: Tensor
    joint: Tensor
    marginals: Tensor


def aggregate_log_densities(trace: Trace, rows: int | None = None) -> LogDensities:
    """Densities of q(z) = 1/N sum_n q(z | x_n), estimated from the B rows at hand.

    Given a row, the others of a batch are a random sample of the rest. So a row's own posterior
    weighs 1/N and each other one (N - 1) / (N (B - 1)): an unbiased estimate of q(z), the mean of
    minibatch stratified sampling over all orders of the batch. Its logarithm is too low on average.

    Args:
        trace: whose first posterior is Gaussian, one for each row.
        rows: of the training data, N. None takes the batch for all there is, N = B: all weigh 1/B,
            as in minibatch weighted sampling, whose weights 1/(NB) only add a constant.

    Raises:
        NoDensityError: when the first level has no Gaussian posterior.

    Reference:
        Isolating Sources of Disentanglement in Variational Autoencoders (Chen et al., 2018),
        arXiv:1802.04942, appendix C
    """
    stage = trace.stages[0]
    each = _log_density_each(stage)
    together, weights = each.sum(1), log_weights(stage.z.shape[1], rows, each)
    return LogDensities(
        own=together.diagonal(dim1=-2, dim2=-1),
        joint=(together + weights).logsumexp(-1),
        marginals=(each + weights).logsumexp(-1).sum(1),
    )


def log_weights(batch: int, rows: int | None = None, like: Tensor | None = None) -> Tensor:
    """Logarithms of the weights of the batch's posteriors (columns) in q(z) at each row, (B, B).

    They sum to one in every row, also in a batch of one; they lie where `like` does.

    >>> log_weights(3, rows=101).exp()[0]
    tensor([0.0099, 0.4950, 0.4950])
    """
    n = max(rows or 0, batch)
    others = math.log((n - 1) / (n * (batch - 1))) if batch > 1 else 0.0
    own = -math.log(n) if batch > 1 else 0.0
    dtype, device = (torch.float32, None) if like is None else (like.dtype, like.device)
    return torch.full((batch, batch), others, dtype=dtype, device=device).fill_diagonal_(own)


def _log_density_each(stage: Stage) -> Tensor:
    """log q(z_id | x_j), (K, Z, B of z, B of x): what is summed over lies together in memory."""
    q = stage.q
    if not isinstance(q, Gaussian):
        name = "none" if q is None else type(q).__name__
        raise NoDensityError(
            f"The aggregate posterior needs a Gaussian posterior at the first level, got {name}: "
            "use a recipe whose posterior has a width, such as vae."
        )
    loc, scale = (_latent_first(v, q)[..., None, :] for v in (q.loc, q.scale.expand_as(q.loc)))
    apart = (_latent_first(stage.z, q)[..., None] - loc) * (math.sqrt(0.5) / scale)
    return torch.addcmul(-scale.log() - HALF_LOG_2PI, apart, apart, value=-1)


def _latent_first(value: Tensor, q: Gaussian) -> Tensor:
    """(..., B, *Z) to (..., Z, B)."""
    return value.flatten(-q.event_dim).transpose(-1, -2).contiguous()
