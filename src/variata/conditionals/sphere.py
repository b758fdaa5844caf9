"""Latents on the unit sphere."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variata.conditionals.posterior import LOG_SCALE_BOUND
from variata.distributions import PowerSpherical, UniformSphere, VonMisesFisher
from variata.distributions.sphere import great_circle
from variata.errors import UsageError
from variata.shapes import full

KINDS = {"power_spherical": PowerSpherical, "von_mises_fisher": VonMisesFisher}


class SphericalPosterior(nn.Module):
    """q(z | x) around a direction, with a concentration, both of the features.

    The concentration is counted in dimensions of z, and bounded smoothly to e^-7 and e^7 of them.

    Args:
        features: F, of the features (B, F).
        latent: L, of the space around the sphere, at least 2.
        kind: "power_spherical" or "von_mises_fisher".

    Raises:
        UsageError: for one dimension, whose sphere is two points.

    >>> q = SphericalPosterior(8, 3, "power_spherical")(None, torch.randn(5, 8))
    >>> q.rsample((2,)).norm(dim=-1).sum().round(decimals=4).item()
    10.0
    """

    between = staticmethod(great_circle)

    def __init__(self, features: int, latent: int, kind: str) -> None:
        super().__init__()
        if latent < 2:
            raise UsageError(
                f"A sphere needs a latent of 2 dimensions or more, got {latent}: take a larger "
                "latent, or a recipe whose latents lie in plain space, such as vae."
            )
        self.make, self.linear = KINDS[kind], nn.Linear(features, latent + 1)

    def forward(self, h: Tensor | None, features: Tensor) -> PowerSpherical | VonMisesFisher:
        raw = full(self.linear(features))
        direction = F.normalize(raw[..., :-1], dim=-1)
        log = LOG_SCALE_BOUND * torch.tanh(raw[..., -1] / LOG_SCALE_BOUND)
        return self.make(direction, direction.shape[-1] * log.exp())


class UniformOnSphere(nn.Module):
    """p(z), the same everywhere on the unit sphere, whatever the context.

    >>> UniformOnSphere(3)(None).event_shape
    torch.Size([3])
    """

    zeros: Tensor

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.register_buffer("zeros", torch.zeros(latent), persistent=False)

    def forward(self, h: Tensor | None) -> UniformSphere:
        return UniformSphere(self.zeros)


def by_direction(h: Tensor | None, z: Tensor) -> Tensor:
    """The merge of latents on a sphere: any vector counts by its direction.

    What goes down has elements of about unit size, as networks like them.

    >>> by_direction(None, torch.tensor([3.0, 4.0])).round(decimals=4)
    tensor([0.8485, 1.1314])
    """
    return math.sqrt(z.shape[-1]) * F.normalize(z, dim=-1)
