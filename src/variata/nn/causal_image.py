"""Convolutions over images in which a pixel sees those before it, row by row."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variata.shapes import Shape, full

FIRST = 7  # side of the first window, of which the half before the pixel is seen
SMALL = 0.02  # standard deviation of the last weights at the start: nearly no effect


class CausalConv2d(nn.Conv2d):
    """A convolution that sees no pixel after its own in reading order.

    Args:
        inputs, outputs: channels.
        size: side of the window, odd.
        own: whether the pixel itself is seen.

    Reference:
        Pixel Recurrent Neural Networks (van den Oord et al., 2016), arXiv:1601.06759
    """

    seen: Tensor

    def __init__(self, inputs: int, outputs: int, size: int, own: bool) -> None:
        super().__init__(inputs, outputs, size, padding=size // 2)
        seen = torch.zeros(size, size)
        seen[: size // 2] = 1
        seen[size // 2, : size // 2 + own] = 1
        self.register_buffer("seen", seen, persistent=False)

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, self.weight * self.seen.to(self.weight.dtype), self.bias)


class CausalBlock2d(nn.Module):
    """x + conv(silu(x)), each pixel from itself and those before it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = CausalConv2d(width, width, 3, own=True)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(F.silu(x))


class CausalImage(nn.Module):
    """What the pixels before each one, and numbers about it, say about its parameters.

    A pixel sees `reach` rows above and columns beside it: what is farther away has to come through
    the numbers, that is, from the latent.

    Args:
        shape: (C, H, W). parameters: P, of each element. told: F numbers about each element.
        width: channels inside. layers: after the first one.

    >>> network = CausalImage((1, 8, 8), parameters=1, told=2, width=4, layers=1)
    >>> network(network.see(torch.zeros(3, 1, 8, 8)), torch.zeros(5, 3, 2, 1, 8, 8)).shape
    torch.Size([5, 3, 1, 1, 8, 8])
    """

    def __init__(self, shape: Shape, parameters: int, told: int, width: int, layers: int) -> None:
        super().__init__()
        channels = shape[0]
        self.per_element, self.reach = parameters, FIRST // 2 + layers
        first = CausalConv2d(channels, width, FIRST, own=False)
        self.before = nn.Sequential(first, *(CausalBlock2d(width) for _ in range(layers)))
        self.told = nn.Conv2d(told * channels, width, 1)
        self.output = nn.Conv2d(width, parameters * channels, 1)
        nn.init.normal_(self.output.weight, std=SMALL)

    def see(self, x: Tensor) -> Tensor:
        """Images (N, C, H, W) to what each pixel knows of those before it, (N, W', H, W)."""
        return self.before(x)

    def forward(self, seen: Tensor, told: Tensor) -> Tensor:
        """Seen ((K,) B, W', H, W) and told (K, B, F, C, H, W) to (K, B, P, C, H, W)."""
        inside = self.told(told.flatten(0, 1).flatten(1, 2)).unflatten(0, told.shape[:2])
        both = F.silu(seen + inside)
        out = full(self.output(both.flatten(0, 1)))
        return out.unflatten(1, (self.per_element, -1)).unflatten(0, both.shape[:2])
