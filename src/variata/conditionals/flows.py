"""Priors that are flows."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from variata.distributions import Flow
from variata.errors import UsageError
from variata.nn import AffineCoupling, Rescaling


class FlowPrior(nn.Module):
    """p(z) as a RealNVP of N(0, I): affine couplings, each moving one half of z given the other.

    Args:
        latent: dimensions of z, at least 2: each half needs one.
        couplings: how many.
        width: of the two hidden layers in each coupling.
        rescaled: whether z is standardised first, by `standardise`, for latents of any scale.

    Raises:
        UsageError: for a latent of one dimension.

    References:
        Density estimation using Real NVP (Dinh et al., 2016), arXiv:1605.08803
        Variational Lossy Autoencoder (Chen et al., 2016), arXiv:1611.02731

    >>> p = FlowPrior(4, couplings=2, width=8)(None)
    >>> p.log_prob(p.sample((3, 5))).shape
    torch.Size([3, 5])
    """

    zeros: Tensor

    def __init__(
        self, latent: int, couplings: int = 6, width: int = 128, rescaled: bool = False
    ) -> None:
        super().__init__()
        if latent < 2:
            raise UsageError(
                "A flow prior couples one half of the latent with the other, so it needs a latent "
                f"of 2 dimensions or more, got {latent}: use mixture_prior, or a larger latent."
            )
        self.register_buffer("zeros", torch.zeros(latent), persistent=False)
        kept = [latent // 2, latent - latent // 2]  # which part is whose changes at every coupling
        self.couplings = nn.ModuleList(
            AffineCoupling(kept[i % 2], kept[(i + 1) % 2], width) for i in range(couplings)
        )
        self.rescaling = Rescaling(latent) if rescaled else None

    def forward(self, h: Tensor | None) -> Flow:
        first = [] if self.rescaling is None else [self.rescaling]
        return Flow([*first, *self.couplings], self.zeros)  # type: ignore[list-item]

    def standardise(self, z: Tensor) -> None:
        """Take mean and standard deviation of every dimension from latents z (N, latent)."""
        if self.rescaling is not None:
            self.rescaling.take(z)
