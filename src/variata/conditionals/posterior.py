"""Posterior heads: features in, q(z | x) out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from variata.distributions import Dirac, Gaussian

LOG_SCALE_BOUND = 7.0


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
        mean, raw = self.linear(features).chunk(2, -1)
        return Gaussian(mean, (LOG_SCALE_BOUND * torch.tanh(raw / LOG_SCALE_BOUND)).exp(), 1)


class DiracPosterior(nn.Module):
    """All mass on one point: the encoder of a plain autoencoder. It has no density, so no rate.

    >>> DiracPosterior(features=8, latent=2)(None, torch.zeros(5, 8)).mean.shape
    torch.Size([5, 2])
    """

    def __init__(self, features: int, latent: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, latent)

    def forward(self, h: Tensor | None, features: Tensor) -> Dirac:
        return Dirac(self.linear(features), 1)
