"""Priors: context in, p(z | context) out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from variata.distributions import Gaussian


class StandardNormal(nn.Module):
    """p(z) = N(0, I), whatever the context.

    >>> StandardNormal(3)(None).event_shape
    torch.Size([3])
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(latent), persistent=False)
        self.register_buffer("scale", torch.ones(latent), persistent=False)

    def forward(self, h: Tensor | None) -> Gaussian:
        return Gaussian(self.mean, self.scale, 1)
