"""Priors that are diffusions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from variata.distributions import Diffusion
from variata.nn import ProbabilityFlow, Rescaling, TimedMLP


class DiffusionPrior(nn.Module):
    """p(z) by a diffusion over standardised latents, whose density is an estimate.

    Args:
        latent: dimensions of z.
        width: of the network. layers: residual ones. steps: from noise to z, and back.

    References:
        Progressive Distillation for Fast Sampling of Diffusion Models (Salimans and Ho, 2022),
        arXiv:2202.00512
        Score-based Generative Modeling in Latent Space (Vahdat et al., 2021), arXiv:2106.05931

    >>> p = DiffusionPrior(4, width=8, layers=1, steps=3)(None)
    >>> p.log_prob(p.sample((3, 5))).shape
    torch.Size([3, 5])
    """

    estimated = True  # the density
    zeros: Tensor

    def __init__(self, latent: int, width: int, layers: int, steps: int) -> None:
        super().__init__()
        self.register_buffer("zeros", torch.zeros(latent), persistent=False)
        self.rescaling = Rescaling(latent)
        self.diffusion = ProbabilityFlow(TimedMLP(latent, width, layers), steps)

    def forward(self, h: Tensor | None) -> Diffusion:
        return Diffusion([self.rescaling, self.diffusion], self.zeros)

    def standardise(self, z: Tensor) -> None:
        """Take mean and standard deviation of every dimension from latents z (N, latent)."""
        self.rescaling.take(z)
