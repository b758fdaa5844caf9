"""Levels of latents at the positions of a grid."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variata.conditionals.posterior import QUIET, gaussian
from variata.distributions import Gaussian
from variata.nn import Bottleneck, Rise
from variata.shapes import Shape, full, numel


class Pick(nn.Module):
    """A posterior that reads one of several features.

    Args:
        head: (h, features) -> distribution over z.
        place: of what it reads.
    """

    def __init__(self, head: nn.Module, place: int) -> None:
        super().__init__()
        self.head, self.place = head, place

    def forward(self, h: Tensor | None, features: Sequence[Tensor]) -> Gaussian:
        return self.head(h, features[self.place])


class GridGaussian(nn.Module):
    """p(z | h), or q(z | h, features) where features are read, for z at every position of h.

    Latents are flat, (K, B, latent * height * width), channel after channel.

    Args:
        width: channels of h (K, B, W, H, W') and of features (B, W, H, W').
        latent: channels of z.
        place: of the features among all; None for a prior, which starts close to N(0, I).

    Reference:
        Very Deep VAEs Generalize Autoregressive Models (Child, 2020), arXiv:2011.10650

    >>> GridGaussian(8, 2)(torch.zeros(3, 5, 8, 4, 4))
    Gaussian(batch=(3, 5), event=(32,))
    """

    def __init__(self, width: int, latent: int, place: int | None = None) -> None:
        super().__init__()
        inside, self.place = max(1, width // 2), place
        self.here = nn.Conv2d(width, inside, 1)
        self.told = None if place is None else nn.Conv2d(width, inside, 1)
        self.around = nn.Conv2d(inside, inside, 3, padding=1)
        self.head = nn.Conv2d(inside, 2 * latent, 1)
        if place is None:
            with torch.no_grad():
                self.head.weight.mul_(QUIET)
                self.head.bias.zero_()  # type: ignore[union-attr]

    def forward(self, h: Tensor, features: Sequence[Tensor] = ()) -> Gaussian:
        y = self.here(F.silu(h.flatten(0, 1)))
        if self.told is not None and self.place is not None:
            told = self.told(F.silu(features[self.place]))
            y = (y.unflatten(0, h.shape[:2]) + told).flatten(0, 1)
        y = self.head(F.silu(self.around(F.silu(y))))
        return gaussian(full(y).flatten(1).unflatten(0, h.shape[:2]))


class GridMerge(nn.Module):
    """h + A z, through a block: latents join what goes down, which then rises to a finer grid.

    Args:
        width: channels of h. latent: of z. gain: of what is added, at the start.
        sizes: of the grid of h, and those up to which it rises.

    >>> merge = GridMerge(8, 2, 0.5, [(2, 2), (4, 3)])
    >>> merge(torch.zeros(3, 5, 8, 2, 2), torch.zeros(3, 5, 8)).shape
    torch.Size([3, 5, 8, 4, 3])
    """

    def __init__(self, width: int, latent: int, gain: float, sizes: Sequence[Shape]) -> None:
        super().__init__()
        self.latent = nn.Conv2d(latent, width, 1, bias=False)
        self.block, self.rise = Bottleneck(width, gain), Rise(sizes)
        with torch.no_grad():
            self.latent.weight.mul_(gain)

    def forward(self, h: Tensor, z: Tensor) -> Tensor:
        drawn = self.latent(z.flatten(0, 1).unflatten(1, (-1, *h.shape[-2:])))
        y = self.rise(self.block(h.flatten(0, 1) + drawn))
        return y.unflatten(0, h.shape[:2])


class Unfold(nn.Module):
    """The merge of a level of vectors, whose result (K, B, inputs) becomes a grid of its own.

    Args:
        merge: (h, z) -> vectors. inputs: their width.
        width: channels of the grid. size: height and width.
    """

    def __init__(self, merge: nn.Module, inputs: int, width: int, size: Shape) -> None:
        super().__init__()
        self.merge, self.shape = merge, (width, *size)
        self.linear = nn.Linear(inputs, numel(self.shape))

    def forward(self, h: Tensor | None, z: Tensor) -> Tensor:
        return self.linear(self.merge(h, z)).unflatten(-1, self.shape)
