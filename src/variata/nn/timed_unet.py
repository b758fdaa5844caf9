"""A small U-Net of images that also knows how much noise there is in them."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variata.nn.conv import halvings, padded
from variata.nn.mlp import QUIET
from variata.nn.timed import OCTAVES, waves
from variata.shapes import Shape, full

MOST = 3  # halvings


class TimedResidual(nn.Module):
    """x + conv(silu(norm(conv(silu(norm(x))) + time))), started close to the identity."""

    def __init__(self, width: int, time: int) -> None:
        super().__init__()
        groups = math.gcd(8, width)
        self.norm1, self.norm2 = nn.GroupNorm(groups, width), nn.GroupNorm(groups, width)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.told = nn.Linear(time, width)
        with torch.no_grad():
            self.conv2.weight.mul_(QUIET)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        y = self.conv1(F.silu(self.norm1(x))) + self.told(time)[..., None, None]
        return x + self.conv2(F.silu(self.norm2(y)))


class TimedUNet(nn.Module):
    """Images, flat (N, L), with an angle, (N,) or (1,), and a context to images, flat (N, L).

    It works at half the size and below: at full size, layers took most of the time.

    Args:
        shape: (C, H, W). width: channels at half the size, twice as many below.
        layers: residual ones at each size, on the way down and on the way up.
        context: C', of c (N, C'); 0 for none.

    References:
        U-Net: Convolutional Networks for Biomedical Image Segmentation (Ronneberger et al., 2015),
        arXiv:1505.04597
        Denoising Diffusion Probabilistic Models (Ho et al., 2020), arXiv:2006.11239

    >>> TimedUNet((1, 9, 8), width=8, layers=1)(torch.ones(2, 72), torch.zeros(1)).shape
    torch.Size([2, 72])
    """

    def __init__(self, shape: Shape, width: int, layers: int, context: int = 0) -> None:
        super().__init__()
        times = max(1, min(MOST, halvings(shape)))
        height, across = padded(shape, times)
        self.shape, self.padding = shape, (0, across - shape[2], 0, height - shape[1])
        widths, time = [width, *[2 * width] * (times - 1)], 4 * width
        self.time = nn.Sequential(nn.Linear(2 * OCTAVES + context, time), nn.SiLU())
        self.inputs = nn.Conv2d(4 * shape[0], width, 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for size in widths:
            self.down.append(nn.ModuleList(TimedResidual(size, time) for _ in range(layers)))
            self.up.append(nn.ModuleList(TimedResidual(size, time) for _ in range(layers)))
        pairs = list(pairwise(widths))
        self.shrink = nn.ModuleList(nn.Conv2d(a, b, 4, stride=2, padding=1) for a, b in pairs)
        self.grow = nn.ModuleList(nn.Conv2d(b, 4 * a, 1) for a, b in pairs)
        self.norm = nn.GroupNorm(math.gcd(8, width), width)
        self.output = nn.Conv2d(width, 4 * shape[0], 3, padding=1)
        with torch.no_grad():  # so that it starts close to zero
            self.output.weight.mul_(QUIET)

    def forward(self, z: Tensor, angle: Tensor, *context: Tensor) -> Tensor:
        told = [waves(angle).expand(z.shape[0], -1), *context]
        time = self.time(torch.cat(told, -1))
        x = F.pad(z.unflatten(-1, self.shape), self.padding)
        x = self.inputs(F.pixel_unshuffle(x, 2))
        beside: list[Tensor] = []
        blocks: Any
        for i, blocks in enumerate(self.down):
            x = self.shrink[i - 1](x) if i else x
            for block in blocks:
                x = block(x, time)
            beside.append(x)
        for i, blocks in reversed(list(enumerate(self.up))):
            if i + 1 < len(self.up):
                x = beside[i] + F.pixel_shuffle(self.grow[i](x), 2)
            for block in blocks:
                x = block(x, time)
        out = F.pixel_shuffle(full(self.output(F.silu(self.norm(x)))), 2)
        return out[..., : self.shape[1], : self.shape[2]].flatten(1)
