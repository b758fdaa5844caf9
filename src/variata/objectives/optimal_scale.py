"""A Gaussian distortion at the scale that suits the batch best."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from variata.distributions import Gaussian
from variata.errors import UsageError
from variata.models import LatentModel, Trace
from variata.schedules import Moment


@dataclass(frozen=True)
class OptimalScale:
    """-log N(x; mean(z), s^2), (K, B), in nats per example, at the best scale s of the batch.

    s^2 is the mean squared error over K, the batch and all elements that share a scale, and at
    least the floor's square: the likelihood's scale need not be learned before the balance of rate
    and distortion is right. The model's own scale learns beside it, unseen by the networks, and
    counts alone when the model is not training, since that is what is saved and reported.

    Raises:
        UsageError: for a likelihood that is not Gaussian.

    Reference:
        Simple and Effective VAE Training with Calibrated Decoders (Rybkin et al., 2020),
        arXiv:2006.13202
    """

    def __call__(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        p = trace.likelihood
        if not isinstance(p, Gaussian):
            raise UsageError(f"Only a Gaussian likelihood has this scale, not {type(p).__name__}.")
        if not model.training or trace.batch is None:
            return trace.distortion()
        x, floor = trace.batch.x, model.decoder.head.floor  # type: ignore[union-attr]
        best = optimal_scale(x, p).maximum(floor)  # type: ignore[arg-type]
        own = -Gaussian(p.loc.detach(), p.scale, p.event_dim).log_prob(x)
        return own - own.detach() - Gaussian(p.loc, best, p.event_dim).log_prob(x)


def optimal_scale(x: Tensor, p: Gaussian) -> Tensor:
    """The scale that makes x (B, *X) most likely under the means of p, in the shape of its scale.

    >>> import torch
    >>> p = Gaussian(torch.zeros(1, 2, 1), torch.tensor(1.0))
    >>> optimal_scale(torch.tensor([[3.0], [-3.0]]), p)
    tensor(3.)
    """
    squares = (x - p.loc.detach()).square()
    return (squares.sum_to_size(p.scale.shape) * (p.scale.numel() / squares.numel())).sqrt()
