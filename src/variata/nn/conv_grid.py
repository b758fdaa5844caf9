"""Convolutional networks between images and vectors at the positions of a coarser grid."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variata.nn.conv import Residual, down, padded, up, weigh_last, widths_of
from variata.nn.linear import located
from variata.shapes import Shape, full

BLOCKS = 2  # residual, at the positions of the grid
NUMBERS = 1 << 24  # of patches that principal components are taken of, at most
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
        linear: whether vectors are also projections of patches, which can start as their principal
            components: the coding of patches by vectors, that networks then improve.

    >>> GridEncoder((3, 37, 53), times=3, channels=8, width=4)(torch.zeros(2, 3, 37, 53)).shape
    torch.Size([2, 140])
    """

    mean: Tensor

    def __init__(
        self, shape: Shape, times: int, channels: int, width: int, linear: bool = False
    ) -> None:
        super().__init__()
        height, across = padded(shape, times)
        self.padding = (0, across - shape[2], 0, height - shape[1])
        widths = widths_of(channels, times)
        blocks = (Residual(widths[-1]) for _ in range(BLOCKS))
        self.layers = nn.Sequential(*down(shape[0], widths), *blocks, nn.GroupNorm(1, widths[-1]))
        self.output = nn.Conv2d(widths[-1], width, 1)
        nn.init.normal_(self.output.weight, std=widths[-1] ** -0.5)  # numbers of a size of one
        side = 2**times
        self.patches = nn.Conv2d(shape[0], width, side, side, bias=False) if linear else None
        self.register_buffer("mean", torch.zeros(shape))

    def forward(self, x: Tensor) -> Tensor:
        x = self._whole(x - self.mean)
        y = self.output(self.layers(x))
        y = y if self.patches is None else y + self.patches(x)
        return y.flatten(2).transpose(1, 2).flatten(1)

    @torch.no_grad()
    def start(self, x: Tensor) -> None:
        """Start as the principal components of the patches of images x (N, C, H, W)."""
        if self.patches is None:
            return
        self.mean.copy_(x.mean(0))
        side, kernel = self.patches.stride, self.patches.weight
        images = self._whole((x - self.mean)[: max(1, NUMBERS // x[0].numel())])
        rows = F.unfold(images, side, stride=side).transpose(1, 2).flatten(0, 1)
        count = min(len(kernel), *rows.shape)
        _, singular, basis = torch.pca_lowrank(rows, count, center=False, niter=4)
        scale = singular.square().mean().div(len(rows)).sqrt().clamp_min(1e-6)
        kernel.zero_()[:count] = (basis.T / scale).view(count, *kernel.shape[1:])
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)  # type: ignore[arg-type]

    def _whole(self, x: Tensor) -> Tensor:
        return F.pad(x, self.padding, mode="replicate") if any(self.padding) else x


class GridDecoder(nn.Module):
    """Vectors at the positions of a grid, and numbers for all, to raw parameters (N, P, C, H, W).

    Args:
        shape: (C, H, W). times: how often it was halved. channels: at full size. width: of a
            vector. parameters: P. context: numbers that all positions know, after the vectors.
        locations: which of the P parameters vectors also reach linearly, patch by patch; None for
            none.

    >>> decoder = GridDecoder((3, 37, 53), 3, channels=8, width=4, parameters=2, context=1)
    >>> decoder(torch.zeros(5, 141)).shape
    torch.Size([5, 2, 3, 37, 53])
    """

    located: Tensor

    def __init__(
        self,
        shape: Shape,
        times: int,
        channels: int,
        width: int,
        parameters: int,
        context: int = 0,
        locations: slice | None = None,
    ) -> None:
        super().__init__()
        self.shape, self.grid, self.context = (parameters, *shape), code_grid(shape, times), context
        widths = widths_of(channels, times)[::-1]
        self.input = nn.Conv2d(width, widths[0], 3, padding=1)
        self.told = nn.Linear(context, widths[0]) if context else None
        blocks = (Residual(widths[0]) for _ in range(BLOCKS))
        self.layers = nn.Sequential(*blocks, *up(widths, parameters * shape[0]))
        self.bias = nn.Parameter(torch.zeros(self.shape))
        self.side, values = 2**times, shape[0] * 4**times
        self.patches = None if locations is None else nn.Conv2d(width, values, 1, bias=False)
        self.register_buffer("located", located(parameters, locations), persistent=False)

    def forward(self, z: Tensor) -> Tensor:
        places, told = self._apart(z.flatten(1))
        y = self.input(places)
        y = y if self.told is None else y + self.told(told)[..., None, None]
        image = self._cut(self.layers(y)).unflatten(1, self.shape[:2]) + self.bias
        if self.patches is None:
            return image
        return image + self.located * self._linear(self.patches, places).unsqueeze(1)

    @torch.no_grad()
    def start_linear(self, left: Tensor, z: Tensor) -> Tensor:
        """Start as what predicts images less their mean (N, C, H, W) best from z (N, *Z), linearly.

        Returns:
            What that leaves of them.
        """
        if self.patches is None:
            return left
        places, _ = self._apart(z.flatten(1))
        height, width = (side * self.side for side in self.grid)
        margin = (0, width - left.shape[-1], 0, height - left.shape[-2])
        wanted = F.pixel_unshuffle(F.pad(left, margin, mode="replicate"), self.side)
        read, rows = (t.movedim(1, -1).flatten(0, -2).double() for t in (places, wanted))
        square = read.T @ read
        square.diagonal().add_(1e-6 * square.diagonal().mean() + 1e-12)
        weight = torch.linalg.solve(square, read.T @ rows).T
        self.patches.weight.copy_(weight[..., None, None])
        return left - self._linear(self.patches, places)

    def _apart(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors at their places (N, D, h, w), and what all positions know (N, C)."""
        end = z.shape[1] - self.context
        places = z[:, :end].unflatten(1, (-1, self.input.in_channels)).transpose(1, 2)
        return places.unflatten(2, self.grid), z[:, end:]

    def _linear(self, patches: nn.Conv2d, places: Tensor) -> Tensor:
        return self._cut(F.pixel_shuffle(full(patches(places)), self.side))

    def _cut(self, image: Tensor) -> Tensor:
        return image[..., : self.shape[-2], : self.shape[-1]]

    @torch.no_grad()
    def start_at(self, raw: Tensor, gain: float = 1.0) -> None:
        """Make `raw` (P, C, H, W) the output for features of zero, and weigh others by `gain`."""
        weigh_last(self.layers, gain)
        self.bias.copy_(raw)
