"""Residual convolutional networks with GroupNorm, for images of any height, width and channels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variata.nn.mlp import Dense
from variata.shapes import Shape


class Residual(nn.Module):
    """x + conv(silu(norm(conv(silu(norm(x)))))), started as the identity.

    Reference:
        Identity Mappings in Deep Residual Networks (He et al., 2016), arXiv:1603.05027
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        groups = math.gcd(8, channels)
        self.norm1, self.norm2 = nn.GroupNorm(groups, channels), nn.GroupNorm(groups, channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(F.silu(self.norm1(x)))
        return x + self.conv2(F.silu(self.norm2(y)))


def halvings(shape: Shape, smallest: int = 4) -> int:
    """How often an image can be halved before a side falls under `smallest`.

    >>> halvings((1, 28, 28)), halvings((3, 37, 53)), halvings((1, 3, 90))
    (2, 3, 0)
    """
    side, times = min(shape[1:]), 0
    while side // 2 >= smallest:
        side, times = side // 2, times + 1
    return times


def padded(shape: Shape, times: int) -> tuple[int, int]:
    """Height and width rounded up so that they can be halved `times` times."""
    unit = 2**times
    return -(-shape[1] // unit) * unit, -(-shape[2] // unit) * unit


class ConvEncoder(nn.Module):
    """Images (B, C, H, W) to features (B, hidden).

    Sides that cannot be halved evenly are padded on the right and below by their border.

    >>> ConvEncoder((3, 37, 53), channels=8, hidden=32)(torch.zeros(2, 3, 37, 53)).shape
    torch.Size([2, 32])
    """

    def __init__(self, shape: Shape, channels: int, hidden: int) -> None:
        super().__init__()
        times = halvings(shape)
        height, width = padded(shape, times)
        self.padding = (0, width - shape[2], 0, height - shape[1])
        widths = widths_of(channels, times)
        self.layers = nn.Sequential(*down(shape[0], widths), nn.SiLU(), nn.Flatten())
        self.output = Dense(widths[-1] * (height >> times) * (width >> times), hidden)
        self.features = hidden

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, self.padding, mode="replicate") if any(self.padding) else x
        return self.output(self.layers(x))


class ConvDecoder(nn.Module):
    """Latents (N, *Z) to raw parameters (N, P, C, H, W), with a bias for every element."""

    def __init__(
        self, inputs: int, shape: Shape, parameters: int, channels: int, hidden: int
    ) -> None:
        super().__init__()
        self.shape, times = (parameters, *shape), halvings(shape)
        height, width = padded(shape, times)
        widths = widths_of(channels, times)[::-1]
        self.start = (widths[0], height >> times, width >> times)
        self.input = nn.Sequential(Dense(inputs, hidden), Dense(hidden, math.prod(self.start)))
        self.layers = nn.Sequential(*up(widths, parameters * shape[0]))
        self.bias = nn.Parameter(torch.zeros(self.shape))

    def forward(self, z: Tensor) -> Tensor:
        image = self.layers(self.input(z.flatten(1)).unflatten(1, self.start))
        image = image[..., : self.shape[-2], : self.shape[-1]]
        return image.unflatten(1, self.shape[:2]) + self.bias

    @torch.no_grad()
    def start_at(self, raw: Tensor, gain: float = 1.0) -> None:
        """Make `raw` (P, C, H, W) the output for features of zero, and weigh others by `gain`."""
        weigh_last(self.layers, gain)
        self.bias.copy_(raw)


def down(inputs: int, widths: Sequence[int]) -> list[nn.Module]:
    """Layers from an image to the last of these widths, halving its sides before each but one."""
    layers = _first(inputs, widths)
    for a, b in pairwise(widths[1:]):
        layers += [nn.SiLU(), nn.Conv2d(a, b, 4, stride=2, padding=1), Residual(b)]
    return layers


def up(widths: Sequence[int], outputs: int) -> list[nn.Module]:
    """Layers from the first of these widths to an image, doubling sides before each but one."""
    layers: list[nn.Module] = []
    for a, b in pairwise(widths[:-1]):
        layers += [Residual(a), nn.Conv2d(a, 4 * b, 3, padding=1), nn.PixelShuffle(2)]
    return [*layers, *_last(widths, outputs)]


def weigh_last(layers: nn.Sequential, gain: float) -> None:
    """Weigh what the last convolution makes, without its bias."""
    *_, last = (layer for layer in layers if isinstance(layer, nn.Conv2d))
    last.weight.mul_(gain)


def _first(inputs: int, widths: Sequence[int]) -> list[nn.Module]:
    """Images to half their size: layers at full size took almost half of the time."""
    if len(widths) == 1:
        return [nn.Conv2d(inputs, widths[0], 3, padding=1)]
    half = nn.Conv2d(inputs, widths[1], 4, stride=2, padding=1)
    return [half] if len(widths) > 2 else [half, Residual(widths[1])]


def _last(widths: Sequence[int], outputs: int) -> list[nn.Module]:
    """From half of an image's size to the image, whose squares of four are channels until then."""
    if len(widths) == 1:
        return [nn.SiLU(), nn.Conv2d(widths[0], outputs, 3, padding=1, bias=False)]
    whole = nn.Conv2d(widths[-2], 4 * outputs, 3, padding=1, bias=False)
    start = [] if len(widths) > 2 else [Residual(widths[-2])]
    return [*start, nn.SiLU(), whole, nn.PixelShuffle(2)]


def widths_of(channels: int, times: int) -> Sequence[int]:
    """Channels at full size and after each halving.

    >>> widths_of(16, 3)
    [16, 32, 64, 64]
    """
    return [channels * min(2**i, 4) for i in range(times + 1)]
