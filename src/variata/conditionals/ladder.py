"""Gaussian levels that know what lies above them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variata.conditionals.posterior import QUIET, GaussianPosterior
from variata.distributions import Gaussian
from variata.nn import Dense, Joining


class GaussianPrior(nn.Module):
    """p(z | h), a Gaussian by a network of what the levels above have left; N(0, I) at the start.

    Args:
        above: W, of h (K, B, W), of which further values are not looked at.
        latent: dimensions of z.

    >>> GaussianPrior(8, 2)(torch.randn(3, 5, 8)).batch_shape
    torch.Size([3, 5])
    """

    def __init__(self, above: int, latent: int) -> None:
        super().__init__()
        self.above = above
        self.hidden, self.head = Dense(above, above), GaussianPosterior(above, latent)
        with torch.no_grad():
            self.head.linear.weight.mul_(QUIET)
            self.head.linear.bias.zero_()

    def forward(self, h: Tensor) -> Gaussian:
        return self.head(None, self.hidden(h[..., : self.above]))


class TopDownPosterior(nn.Module):
    """q(z | h, x), a Gaussian of features of x joined with what the levels above have left.

    Args:
        features: F, of the features (B, F). above: W, of h (K, B, W). latent: dimensions of z.

    Reference:
        Ladder Variational Autoencoders (Sonderby et al., 2016), arXiv:1602.02282

    >>> TopDownPosterior(8, 4, 2)(torch.randn(3, 5, 4), torch.randn(5, 8)).batch_shape
    torch.Size([3, 5])
    """

    def __init__(self, features: int, above: int, latent: int) -> None:
        super().__init__()
        self.joined, self.head = Joining(features, above), GaussianPosterior(features, latent)

    def forward(self, h: Tensor, features: Tensor) -> Gaussian:
        features = features.expand(*h.shape[:-1], -1)
        return self.head(None, self.joined(features, h))


class Descent(nn.Module):
    """The merge of a ladder: what came from above and the latent go down, through a layer.

    Args:
        above: width of h; 0 at the top. latent: dimensions of z. width: of what goes down.

    >>> Descent(0, 2, 8)(None, torch.randn(3, 5, 2)).shape
    torch.Size([3, 5, 8])
    """

    def __init__(self, above: int, latent: int, width: int) -> None:
        super().__init__()
        self.latent, self.hidden = nn.Linear(latent, width), Dense(width, width)
        self.above = nn.Linear(above, width) if above else None

    def forward(self, h: Tensor | None, z: Tensor) -> Tensor:
        told = self.latent(z)
        if self.above is not None and h is not None:
            told = told + self.above(h)
        return self.hidden(F.silu(told))
