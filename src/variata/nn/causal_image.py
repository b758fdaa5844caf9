"""Convolutions over images in which a pixel sees those before it, row by row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variata.nn.rows_above import RowsAbove
from variata.shapes import Shape, full

FIRST = 7  # side of the first window, of which the half before the pixel is seen
SMALL = 0.02  # standard deviation of the last weights at the start: nearly no effect

Make = Callable[[Tensor, Any], Tensor]


class CausalConv2d(nn.Conv2d):
    """A convolution that sees no pixel after its own in reading order.

    Args:
        inputs, outputs: channels.
        size: side of the window, odd, of which the rows below the pixel are left out.
        own: whether the pixel itself is seen.

    Reference:
        Pixel Recurrent Neural Networks (van den Oord et al., 2016), arXiv:1601.06759
    """

    seen: Tensor

    def __init__(self, inputs: int, outputs: int, size: int, own: bool) -> None:
        super().__init__(inputs, outputs, (size // 2 + 1, size))
        self.margin = size // 2
        seen = torch.ones(size // 2 + 1, size)
        seen[-1, size // 2 + own :] = 0
        self.register_buffer("seen", seen, persistent=False)

    def forward(self, input: Tensor) -> Tensor:
        return self.within(self.bordered(input))

    def bordered(self, x: Tensor) -> Tensor:
        """Images with the border of zeros that their first and last pixels see."""
        return F.pad(x, (self.margin, self.margin, self.margin, 0))

    def within(self, window: Tensor) -> Tensor:
        """What is made of those pixels whose whole window is given."""
        return self._conv_forward(window, self.weight * self.seen.to(self.weight.dtype), self.bias)


class CausalBlock2d(nn.Module):
    """x + conv(silu(x)), each pixel from itself and those before it; or with a gate.

    Args:
        width: channels. gated: whether one half of what the convolution makes is a gate for the
            other, and is mixed before it is added.

    Reference:
        Conditional Image Generation with PixelCNN Decoders (van den Oord et al., 2016),
        arXiv:1606.05328
    """

    def __init__(self, width: int, gated: bool = False) -> None:
        super().__init__()
        self.conv = CausalConv2d(width, width, 3, own=True)
        self.mix = nn.Conv2d(width // 2, width, 1) if gated else None

    def forward(self, x: Tensor) -> Tensor:
        return x + self.change(self.conv.bordered(F.silu(x)))

    def change(self, window: Tensor) -> Tensor:
        """What is added to those pixels whose whole window of silu(x) is given."""
        made = self.conv.within(window)
        if self.mix is None:
            return made
        value, gate = made.chunk(2, -3)
        return self.mix(value.tanh() * gate.sigmoid())


class CausalImage(nn.Module):
    """What the pixels before each one, and numbers about it, say about its parameters.

    A pixel sees `reach` rows above and columns beside it: what is farther away has to come through
    the numbers, that is, from the latent, or by attention to the rows above.

    Args:
        shape: (C, H, W). parameters: P, of each element. told: F numbers about each element.
        width: channels inside. layers: after the first one.
        gated: whether layers have gates, and pixels attend to the rows above; width is then even.

    >>> network = CausalImage((1, 8, 8), parameters=1, told=2, width=4, layers=1)
    >>> network(network.see(torch.zeros(3, 1, 8, 8)), torch.zeros(5, 3, 2, 1, 8, 8)).shape
    torch.Size([5, 3, 1, 1, 8, 8])
    """

    def __init__(
        self,
        shape: Shape,
        parameters: int,
        told: int,
        width: int,
        layers: int,
        gated: bool = False,
    ) -> None:
        super().__init__()
        channels = shape[0]
        self.per_element, self.reach = parameters, FIRST // 2 + layers
        self.first = CausalConv2d(channels, width, FIRST, own=False)
        self.rows = RowsAbove(width, shape[2]) if gated else None
        self.blocks = nn.ModuleList(CausalBlock2d(width, gated) for _ in range(layers))
        self.told = nn.Conv2d(told * channels, width, 1)
        self.output = nn.Conv2d(width, parameters * channels, 1)
        nn.init.normal_(self.output.weight, std=SMALL)

    def see(self, x: Tensor) -> Tensor:
        """Images (N, C, H, W) to what each pixel knows of those before it, (N, W', H, W)."""
        y = self.first(x)
        y = y if self.rows is None else self.rows(y)
        for block in self.blocks:
            y = block(y)
        return y

    def forward(self, seen: Tensor, told: Tensor) -> Tensor:
        """Seen ((K,) B, W', H, W) and told (K, B, F, C, H, W) to (K, B, P, C, H, W)."""
        inside = self.told(told.flatten(0, 1).flatten(1, 2)).unflatten(0, told.shape[:2])
        both = F.silu(seen + inside)
        out = full(self.output(both.flatten(0, 1)))
        return out.unflatten(1, (self.per_element, -1)).unflatten(0, both.shape[:2])

    def fill(self, x: Tensor, told: Tensor, make: Make) -> None:
        """Write images x (K, B, C, H, W), all zero, pixel by pixel.

        What layers make of a pixel is kept, so that an image takes as much work as one pass.

        Args:
            make: parameters of a pixel, and its place -> its values.
        """
        lead, (height, width) = x.shape[:2], x.shape[-2:]
        image = self.first.bordered(x.flatten(0, 1))
        blocks: list[Any] = list(self.blocks)
        blank = image.new_zeros(len(image), self.first.out_channels, height, width)
        line, kept = blank[..., :1, :].clone(), [b.conv.bordered(blank) for b in blocks]
        above = None if self.rows is None else self.rows.nothing_yet(len(image))
        far = self.first.margin
        for row in range(height):
            for column in range(width):
                at = (..., slice(row, row + 1), slice(column, column + 1))
                window = image[..., row : row + far + 1, column : column + 2 * far + 1]
                y = line[..., column : column + 1] = self.first.within(window)
                y = y if self.rows is None or above is None else self.rows.found(y, above)
                for block, known in zip(blocks, kept, strict=True):
                    known[..., row + 1 : row + 2, column + 1 : column + 2] = F.silu(y)
                    y = y + block.change(known[..., row : row + 2, column : column + 3])
                x[at] = make(self(y.unflatten(0, lead), told[at]), at)
                beside = (
                    ...,
                    slice(row + far, row + far + 1),
                    slice(column + far, column + far + 1),
                )
                image[beside] = x[at].flatten(0, 1)
            if self.rows is not None and above is not None:
                above = torch.cat([above, self.rows.summary(line)[..., 0]], -1)
