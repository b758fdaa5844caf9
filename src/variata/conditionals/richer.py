"""Gaussian posteriors made richer: by a covariance, by a flow, by the space they lie in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variata.conditionals.posterior import QUIET, GaussianPosterior
from variata.distributions import FullGaussian, InverseFlow, LowRankGaussian, WrappedNormal
from variata.distributions.hyperbolic import geodesic
from variata.nn import MaskedStep
from variata.shapes import full


class CovariancePosterior(nn.Module):
    """q(z | x), a Gaussian with a full covariance, or a diagonal one and few directions.

    Args:
        features: F, of the features (B, F). latent: dimensions of z.
        rank: how many directions; None for a full covariance.

    >>> CovariancePosterior(8, 3)(None, torch.zeros(5, 8)).rsample((2,)).shape
    torch.Size([2, 5, 3])
    """

    places: Tensor

    def __init__(self, features: int, latent: int, rank: int | None = None) -> None:
        super().__init__()
        self.own, self.rank = GaussianPosterior(features, latent), rank
        below = torch.ones(latent, latent, dtype=torch.bool).tril(-1)
        count = latent * (latent - 1) // 2
        self.across = nn.Linear(features, count if rank is None else latent * rank)
        with torch.no_grad():  # so that it starts close to a diagonal covariance
            self.across.weight.mul_(QUIET)
        # of every element of the factor among the numbers below its diagonal, then a zero
        places = torch.where(below, below.flatten().cumsum(0).view(latent, latent) - 1, count)
        self.register_buffer("places", places, persistent=False)

    def forward(self, h: Tensor | None, features: Tensor) -> FullGaussian | LowRankGaussian:
        q, across = self.own(h, features), full(self.across(features))
        if self.rank is not None:
            return LowRankGaussian(q.loc, q.scale, across.unflatten(-1, (-1, self.rank)))
        return FullGaussian(q.loc, q.scale, F.pad(across, (0, 1))[..., self.places])

    def start_linear(self, scale: Tensor) -> None:
        """As the Gaussian that it starts close to."""
        self.own.start_linear(scale)


class FlowPosterior(nn.Module):
    """q(z | x), a Gaussian whose noise goes through invertible steps that know the features.

    Args:
        features: F, of the features (B, F). latent: dimensions of z.
        steps: `MaskedStep`s with a context of F.

    >>> from variata.nn import Affine
    >>> FlowPosterior(8, 3, [MaskedStep(3, 8, Affine(), 16)])(None, torch.zeros(5, 8)).mean.shape
    torch.Size([5, 3])
    """

    def __init__(self, features: int, latent: int, steps: Sequence[MaskedStep]) -> None:
        super().__init__()
        self.own, self.steps = GaussianPosterior(features, latent), nn.ModuleList(steps)

    def forward(self, h: Tensor | None, features: Tensor) -> InverseFlow:
        q, steps = self.own(h, features), list(self.steps)
        return InverseFlow(q.loc, q.scale, steps, features)  # type: ignore[arg-type]

    def start_linear(self, scale: Tensor) -> None:
        """As the Gaussian that it starts close to."""
        self.own.start_linear(scale)


class HyperbolicPosterior(nn.Module):
    """q(z | x), a wrapped normal on hyperbolic space, in coordinates of the tangent space.

    >>> HyperbolicPosterior(8, 3)(None, torch.zeros(5, 8)).mean.shape
    torch.Size([5, 3])
    """

    between = staticmethod(geodesic)

    def __init__(self, features: int, latent: int) -> None:
        super().__init__()
        self.own = GaussianPosterior(features, latent)

    def forward(self, h: Tensor | None, features: Tensor) -> WrappedNormal:
        q = self.own(h, features)
        return WrappedNormal(q.loc, q.scale)

    def start_linear(self, scale: Tensor) -> None:
        """As the Gaussian that it is near the origin."""
        self.own.start_linear(scale)


def shortest_way(posterior: Any, start: Tensor, end: Tensor, share: Tensor) -> Tensor:
    """The points at shares (N, 1) of the way between two latents (L,) of a posterior head.

    Straight, unless the head's space is curved and says how to go (`between`).

    >>> shortest_way(None, torch.zeros(2), torch.ones(2), torch.tensor([[0.5]]))
    tensor([[0.5000, 0.5000]])
    """
    between = getattr(posterior, "between", None)
    return start + share * (end - start) if between is None else between(start, end, share)
