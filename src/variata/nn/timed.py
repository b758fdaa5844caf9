"""Networks that also know how much noise there is in what they see."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variata.nn.mlp import QUIET
from variata.shapes import full

OCTAVES = 6  # of waves that tell the angle: the shortest turns 32 times as fast as it


class TimedBlock(nn.Module):
    """A residual layer of two, the first of which is told the time."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.told = nn.LayerNorm(width), nn.Linear(width, width)
        self.first, self.last = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        return x + self.last(F.silu(self.first(self.norm(x)) + self.told(time)))


class TimedMLP(nn.Module):
    """Vectors z (N, L) with an angle, (N,) or (1,), from 0 to pi / 2 to vectors (N, L).

    Args:
        size: L. width: of the layers. layers: residual ones. context: C, of c (N, C); 0 for none.

    >>> TimedMLP(3, 16, 2)(torch.ones(5, 3), torch.zeros(1)).shape
    torch.Size([5, 3])
    """

    def __init__(self, size: int, width: int, layers: int, context: int = 0) -> None:
        super().__init__()
        self.inputs = nn.Linear(size + context, width)
        self.time = nn.Sequential(nn.Linear(2 * OCTAVES, width), nn.SiLU())
        self.blocks = nn.ModuleList(TimedBlock(width) for _ in range(layers))
        self.norm, self.output = nn.LayerNorm(width), nn.Linear(width, size)
        with torch.no_grad():  # so that it starts close to zero
            self.output.weight.mul_(QUIET)
            self.output.bias.zero_()

    def forward(self, z: Tensor, angle: Tensor, *context: Tensor) -> Tensor:
        time = self.time(waves(angle))
        x = self.inputs(torch.cat([z, *context], -1))
        for block in self.blocks:
            x = block(x, time)
        return full(self.output(F.silu(self.norm(x))))


def waves(angle: Tensor) -> Tensor:
    """Sines and cosines of angles (N,) and of their multiples by powers of 2, (N, 2 * OCTAVES).

    >>> waves(torch.zeros(1)).shape
    torch.Size([1, 12])
    """
    turned = angle[:, None] * 2.0 ** torch.arange(OCTAVES, device=angle.device)
    return torch.cat([turned.sin(), turned.cos()], -1)
