"""Posterior heads: features in, q(z | x) out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from variata.distributions import Dirac, Gaussian
from variata.shapes import full

LOG_SCALE_BOUND = 7.0
QUIET = 0.1


class GaussianPosterior(nn.Module):
    """q(z | x) = N(mean(features), scale(features)^2), independent over latent dimensions.

    The logarithm of the scale is bounded smoothly to (-7, 7), so that it can neither overflow
    nor lose its gradient.

    Reference:
        Auto-Encoding Variational Bayes (Kingma and Welling, 2013), arXiv:1312.6114

    >>> q = GaussianPosterior(features=8, latent=2)(None, torch.zeros(5, 8))
    >>> q.batch_shape, q.event_shape
    (torch.Size([5]), torch.Size([2]))
    """

    def __init__(self, features: int, latent: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, 2 * latent)

    def forward(self, h: Tensor | None, features: Tensor) -> Gaussian:
        return gaussian(full(self.linear(features)))

    @torch.no_grad()
    def start_linear(self, scale: Tensor) -> None:
        """Make the last features the mean, and `scale` (latent,) the scale, of an untrained q."""
        self.linear.weight.mul_(QUIET)
        pass_last(self.linear, len(scale))
        raw = (scale.log() / LOG_SCALE_BOUND).clamp(-0.95, 0.95).atanh() * LOG_SCALE_BOUND
        self.linear.bias[len(scale) :] = raw


def gaussian(raw: Tensor) -> Gaussian:
    """The Gaussian of raw numbers (..., 2 L): means, then what bounds make logarithms of scales."""
    mean, log_scale = raw.chunk(2, -1)
    return Gaussian(mean, (LOG_SCALE_BOUND * torch.tanh(log_scale / LOG_SCALE_BOUND)).exp(), 1)


class DiracPosterior(nn.Module):
    """All mass on one point: the encoder of a plain autoencoder. It has no density, so no rate.

    >>> DiracPosterior(features=8, latent=2)(None, torch.zeros(5, 8)).mean.shape
    torch.Size([5, 2])
    """

    def __init__(self, features: int, latent: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, latent)

    def forward(self, h: Tensor | None, features: Tensor) -> Dirac:
        return Dirac(full(self.linear(features)), 1)

    @torch.no_grad()
    def start_linear(self, scale: Tensor) -> None:
        """Make the last features the code of an untrained encoder."""
        self.linear.weight.mul_(QUIET)
        pass_last(self.linear, len(scale))


def pass_last(linear: nn.Linear, count: int) -> None:
    """Let the first `count` outputs be the last `count` inputs, where the layer reads them."""
    linear.weight[:, -count:] = 0
    linear.weight[:count, -count:] = torch.eye(count)
    linear.bias.zero_()
