"""Priors: context in, p(z | context) out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from variata.distributions import StandardGaussian


class StandardNormal(nn.Module):
    """p(z) = N(0, I), whatever the context.

    Args:
        latent: dimensions of z.
        held: whether training holds the posteriors to it, so that it is worth sampling from.

    >>> StandardNormal(3)(None).event_shape
    torch.Size([3])
    """

    zeros: Tensor

    def __init__(self, latent: int, held: bool = True) -> None:
        super().__init__()
        self.held = held
        self.register_buffer("zeros", torch.zeros(latent), persistent=False)

    def forward(self, h: Tensor | None) -> StandardGaussian:
        return StandardGaussian(self.zeros, 1)
