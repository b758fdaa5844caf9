"""Convolutional networks over images at several sizes, each half of the next."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variata.nn.mlp import Dense
from variata.shapes import Shape

COARSEST = 4  # largest side of the coarsest grid


def grids(shape: Shape) -> list[Shape]:
    """Heights and widths from a few positions up to those of an image, each half of the next.

    Halves are rounded up, so that any size will do.

    >>> grids((1, 28, 28))
    [(4, 4), (7, 7), (14, 14), (28, 28)]
    >>> grids((3, 17, 23)), grids((1, 3, 2))
    ([(3, 3), (5, 6), (9, 12), (17, 23)], [(3, 2)])
    """
    sizes = [shape[1:]]
    while max(sizes[0]) > COARSEST:
        sizes.insert(0, tuple(-(-side // 2) for side in sizes[0]))
    return sizes


class Bottleneck(nn.Module):
    """x + conv1x1(silu(conv3x3(silu(conv1x1(silu(x)))))), with half of the channels inside.

    Args:
        width: channels of x (N, W, H, W').
        gain: of the last weights at the start; 1 / sqrt(depth) keeps sums of many blocks in bounds.

    Reference:
        Very Deep VAEs Generalize Autoregressive Models (Child, 2020), arXiv:2011.10650

    >>> Bottleneck(8)(torch.zeros(2, 8, 5, 3)).shape
    torch.Size([2, 8, 5, 3])
    """

    def __init__(self, width: int, gain: float = 1.0) -> None:
        super().__init__()
        inside = max(1, width // 2)
        self.narrow = nn.Conv2d(width, inside, 1)
        self.around = nn.Conv2d(inside, inside, 3, padding=1)
        self.wide = nn.Conv2d(inside, width, 1)
        with torch.no_grad():
            self.wide.weight.mul_(gain)
            self.wide.bias.zero_()  # type: ignore[union-attr]

    def forward(self, x: Tensor) -> Tensor:
        y = self.around(F.silu(self.narrow(F.silu(x))))
        return x + self.wide(F.silu(y))


class Pyramid(nn.Module):
    """Images (B, C, H, W) to features at several grids: a vector (B, F), then (B, W, h, w).

    Args:
        shape: (C, H, W). width: channels. vector: F.
        blocks: residual blocks at each of `grids(shape)`, at least one; where the last is 0, the
            image's own grid is left out.

    >>> network = Pyramid((3, 17, 23), width=8, vector=16, blocks=(1, 1, 1, 0))
    >>> [tuple(f.shape) for f in network(torch.zeros(2, 3, 17, 23))]
    [(2, 16), (2, 8, 3, 3), (2, 8, 5, 6), (2, 8, 9, 12)]
    """

    def __init__(self, shape: Shape, width: int, vector: int, blocks: Sequence[int]) -> None:
        super().__init__()
        sizes = grids(shape)
        whole = bool(blocks[-1]) or len(sizes) == 1  # else layers start at half of the size
        kernel, stride = (3, 1) if whole else (5, 2)
        first = nn.Conv2d(shape[0], width, kernel, stride, kernel // 2)
        gain = 1 / math.sqrt(sum(blocks) or 1)
        self.steps = nn.ModuleList()
        for count in reversed(blocks if whole else blocks[:-1]):
            step = nn.Conv2d(width, width, 3, 2, 1) if self.steps else first
            residual = (Bottleneck(width, gain) for _ in range(max(1, count)))
            self.steps.append(nn.Sequential(step, *residual))
        self.vector = nn.Sequential(
            nn.SiLU(), nn.Flatten(), Dense(width * math.prod(sizes[0]), vector)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        found: list[Tensor] = []
        for step in self.steps:
            x = step(x)
            found.insert(0, x)
        return self.vector(x), *found


class Rise(nn.Module):
    """From a grid to finer ones: a position becomes a square of four, as far as there is room.

    Args:
        sizes: of the grid that is given, and of those up to which it rises.

    >>> Rise([(2, 3), (4, 5), (7, 9)])(torch.zeros(1, 8, 2, 3)).shape
    torch.Size([1, 8, 7, 9])
    """

    def __init__(self, sizes: Sequence[Shape]) -> None:
        super().__init__()
        self.sizes = sizes[1:]

    def forward(self, x: Tensor) -> Tensor:
        for height, width in self.sizes:
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")[..., :height, :width]
        return x


class PixelDecoder(nn.Module):
    """From one of the grids of an image (N, W, h, w) to raw parameters (N, P, C, H, W).

    At half of an image's size, squares of four are channels, with a bias for every element: layers
    at full size would take most of the time.

    Args:
        shape: (C, H, W). parameters: P. width: channels.
        start: place of the grid in `grids(shape)`.

    >>> PixelDecoder((3, 17, 23), parameters=2, width=8, start=1)(torch.zeros(4, 8, 5, 6)).shape
    torch.Size([4, 2, 3, 17, 23])
    """

    def __init__(self, shape: Shape, parameters: int, width: int, start: int) -> None:
        super().__init__()
        self.shape, sizes = (parameters, *shape), grids(shape)[start:]
        self.square = 2 if len(sizes) > 1 else 1
        steps: list[nn.Module] = []
        for pair in pairwise(sizes[:-1]):
            steps += [Rise(pair), Bottleneck(width)]
        self.steps = nn.Sequential(*steps, nn.SiLU())
        outputs = self.square**2 * parameters * shape[0]
        self.pixels = nn.Conv2d(width, outputs, 3, padding=1, bias=False)
        self.bias = nn.Parameter(torch.zeros(self.shape))

    def forward(self, x: Tensor) -> Tensor:
        y = F.pixel_shuffle(self.pixels(self.steps(x)), self.square)
        y = y[..., : self.shape[-2], : self.shape[-1]]
        return y.unflatten(1, self.shape[:2]) + self.bias

    @torch.no_grad()
    def start_at(self, raw: Tensor, gain: float = 1.0) -> None:
        """Make `raw` (P, C, H, W) the output for features of zero, and weigh others by `gain`."""
        self.pixels.weight.mul_(gain)
        self.bias.copy_(raw)
