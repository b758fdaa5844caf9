"""Priors: context in, p(z | context) out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from variata.distributions import StandardGaussian


class StandardNormal(nn.Module):
    """p(z) = N(0, I), whatever the context.

    >>> StandardNormal(3)(None).event_shape
    torch.Size([3])
    """

    zeros: Tensor

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.register_buffer("zeros", torch.zeros(latent), persistent=False)

    def forward(self, h: Tensor | None) -> StandardGaussian:
        return StandardGaussian(self.zeros, 1)
