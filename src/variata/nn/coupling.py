"""Invertible networks whose volume change is known."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from variata.shapes import full

QUIET = 0.1
SMALLEST = 1e-3  # standard deviation of a dimension that hardly moves


class AffineCoupling(nn.Module):
    """(a, b) -> (scale(a) * b + shift(a), a): the next coupling moves the other part.

    The scale lies between 1 / e and e: more takes several couplings, and none can blow up alone.

    Args:
        kept: dimensions of a.
        moved: dimensions of b.
        width: of the two hidden layers.

    Reference:
        Density estimation using Real NVP (Dinh et al., 2016), arXiv:1605.08803

    >>> coupling = AffineCoupling(2, 3, width=8)
    >>> x = torch.randn(7, 5)
    >>> y, log_det = coupling(x)
    >>> y.shape, log_det.shape, bool(torch.allclose(coupling.inverse(y), x, atol=1e-5))
    (torch.Size([7, 5]), torch.Size([7]), True)
    """

    def __init__(self, kept: int, moved: int, width: int) -> None:
        super().__init__()
        self.kept, self.moved = kept, moved
        self.network = nn.Sequential(
            nn.Linear(kept, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            last := nn.Linear(width, 2 * moved),
        )
        with torch.no_grad():  # so that it starts close to the identity
            last.weight.mul_(QUIET)
            last.bias.zero_()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The image of x (..., kept + moved), and the logarithm of the volume change, (...)."""
        a, b = x.split((self.kept, self.moved), -1)
        shift, log_scale = self._shift_and_log_scale(a)
        return torch.cat([torch.addcmul(shift, b, log_scale.exp()), a], -1), log_scale.sum(-1)

    def inverse(self, y: Tensor) -> Tensor:
        """The x whose image is y."""
        b, a = y.split((self.moved, self.kept), -1)
        shift, log_scale = self._shift_and_log_scale(a)
        return torch.cat([a, (b - shift) * (-log_scale).exp()], -1)

    def _shift_and_log_scale(self, a: Tensor) -> tuple[Tensor, Tensor]:
        shift, raw = full(self.network(a)).chunk(2, -1)
        return shift, torch.tanh(raw)


class Rescaling(nn.Module):
    """x -> (x - mean) / scale, by numbers that are given and not learned.

    Args:
        size: dimensions of x; it starts as the identity.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("scale", torch.ones(size))

    @torch.no_grad()
    def take(self, x: Tensor, alike: bool = False) -> None:
        """Take mean and standard deviation of every dimension, or of all, from x (N, size)."""
        self.mean.copy_(x.mean() if alike else x.mean(0))
        self.scale.copy_((x.std() if alike else x.std(0)).clamp_min(SMALLEST))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The image of x (..., size), and the logarithm of the volume change, ()."""
        return (x - self.mean) / self.scale, -self.scale.log().sum()

    def inverse(self, y: Tensor) -> Tensor:
        """The x whose image is y."""
        return self.mean + self.scale * y
