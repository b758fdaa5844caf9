"""Convolutional networks between images and vectors at the positions of a coarser grid."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variata.nn.conv import Residual, down, padded, up, widths_of
from variata.shapes import Shape

BLOCKS = 2  # residual, at the positions of the grid
LARGEST = 8  # side of a grid, unless told


def code_grid(shape: Shape, times: int) -> Shape:
    """Rows and columns of an image that is halved so many times.

    >>> code_grid((1, 28, 28), 2), code_grid((3, 37, 53), 3)
    ((7, 7), (5, 7))
    """
    height, width = padded(shape, times)
    return height >> times, width >> times


def usual_halvings(shape: Shape) -> int:
    """How often an image is halved until no side is longer than 8.

    >>> usual_halvings((1, 28, 28)), usual_halvings((3, 64, 64)), usual_halvings((1, 5, 5))
    (2, 3, 0)
    """
    times = 0
    while max(code_grid(shape, times)) > LARGEST:
        times += 1
    return times


class GridEncoder(nn.Module):
    """Images (B, C, H, W) to vectors at the positions of a grid, (B, h * w * width), row by row.

    Args:
        shape: (C, H, W). times: how often it is halved. channels: at full size. width: of a vector.

    >>> GridEncoder((3, 37, 53), times=3, channels=8, width=4)(torch.zeros(2, 3, 37, 53)).shape
    torch.Size([2, 140])
    """

    def __init__(self, shape: Shape, times: int, channels: int, width: int) -> None:
        super().__init__()
        height, across = padded(shape, times)
        self.padding = (0, across - shape[2], 0, height - shape[1])
        widths = widths_of(channels, times)
        blocks = (Residual(widths[-1]) for _ in range(BLOCKS))
        self.layers = nn.Sequential(*down(shape[0], widths), *blocks, nn.GroupNorm(1, widths[-1]))
        self.output = nn.Conv2d(widths[-1], width, 1)
        nn.init.normal_(self.output.weight, std=widths[-1] ** -0.5)  # numbers of a size of one

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, self.padding, mode="replicate") if any(self.padding) else x
        return self.output(self.layers(x)).flatten(2).transpose(1, 2).flatten(1)


class GridDecoder(nn.Module):
    """Vectors at the positions of a grid, and numbers for all, to raw parameters (N, P, C, H, W).

    Args:
        shape: (C, H, W). times: how often it was halved. channels: at full size. width: of a
            vector. parameters: P. context: numbers that all positions know, after the vectors.

    >>> decoder = GridDecoder((3, 37, 53), 3, channels=8, width=4, parameters=2, context=1)
    >>> decoder(torch.zeros(5, 141)).shape
    torch.Size([5, 2, 3, 37, 53])
    """

    def __init__(
        self, shape: Shape, times: int, channels: int, width: int, parameters: int, context: int = 0
    ) -> None:
        super().__init__()
        self.shape, self.grid, self.context = (parameters, *shape), code_grid(shape, times), context
        widths = widths_of(channels, times)[::-1]
        self.input = nn.Conv2d(width, widths[0], 3, padding=1)
        self.told = nn.Linear(context, widths[0]) if context else None
        blocks = (Residual(widths[0]) for _ in range(BLOCKS))
        self.layers = nn.Sequential(*blocks, *up(widths, parameters * shape[0]))
        self.bias = nn.Parameter(torch.zeros(self.shape))

    def forward(self, z: Tensor) -> Tensor:
        z = z.flatten(1)
        vectors, told = z[:, : z.shape[1] - self.context], z[:, z.shape[1] - self.context :]
        places = vectors.unflatten(1, (-1, self.input.in_channels)).transpose(1, 2)
        y = self.input(places.unflatten(2, self.grid))
        y = y if self.told is None else y + self.told(told)[..., None, None]
        image = self.layers(y)[..., : self.shape[-2], : self.shape[-1]]
        return image.unflatten(1, self.shape[:2]) + self.bias

    @torch.no_grad()
    def start_at(self, raw: Tensor, gain: float = 1.0) -> None:
        """Make `raw` (P, C, H, W) the output for features of zero, and weigh others by `gain`."""
        whole = [layer for layer in self.layers if isinstance(layer, nn.Conv2d)][-1]
        whole.weight.mul_(gain)
        self.bias.copy_(raw)
