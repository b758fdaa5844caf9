"""Convolutions over images in which a pixel sees those before it, row by row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variata.nn.linear import located
from variata.nn.linear_past import LinearPast
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


class Alone(nn.Module):
    """x + mix(silu(x)), every channel of a pixel by itself: (N, C * W', H, W) to as many.

    What layers over pixels have in common, whatever is told, is computed once for an image. These
    layers come after, and let the two act on each other.

    Args:
        channels: C, of an image. width: W', of what is known about each of them.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(channels * width, channels * width, 1, groups=channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.mix(F.silu(x))


class EarlierChannels(nn.Module):
    """What the channels of a pixel before each one say about it, and nothing else.

    Computed in full precision, since a grey level is a small number.

    Args:
        channels: C, of an image. outputs: O, for each of them; (N, C, H, W) to (N, C * O, H, W).

    Reference:
        Conditional Image Generation with PixelCNN Decoders (van den Oord et al., 2016),
        arXiv:1606.05328

    >>> EarlierChannels(3, 5)(torch.zeros(2, 3, 8, 8)).shape
    torch.Size([2, 15, 8, 8])
    """

    seen: Tensor

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(channels * outputs, channels, 1, 1))
        seen = torch.ones(channels, channels).tril(-1).repeat_interleave(outputs, 0)
        self.register_buffer("seen", seen[..., None, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return F.conv2d(full(x), self.weight * self.seen)


class Seen(NamedTuple):
    """What pixels know before they are told anything.

    Attributes:
        features: of those before each, (..., W', H, W).
        near: the images themselves with a border, less their mean, (..., C, H + 3, W + 6).
    """

    features: Tensor
    near: Tensor


class CausalImage(nn.Module):
    """What the pixels before each one, and numbers about it, say about its parameters.

    The channels of a pixel come one after the other too: green knows red, and blue knows both. A
    pixel sees `reach` rows above and columns beside it: what is farther away has to come through
    the numbers, that is, from the latent, or by attention to the rows above. Parameters in units of
    x have a linear path beside the network, which can start as the best linear prediction.

    Args:
        shape: (C, H, W). parameters: P, of each element. told: F numbers about each element.
        width: channels inside. layers: after the first one.
        gated: whether layers have gates, and pixels attend to the rows above; width is then even.
        locations: which of the P parameters are in units of x; None where none are.
        alone: layers of each pixel by itself, after what is told.

    >>> network = CausalImage((1, 8, 8), parameters=1, told=2, width=4, layers=1)
    >>> network(network.see(torch.zeros(3, 1, 8, 8)), torch.zeros(5, 3, 2, 1, 8, 8)).shape
    torch.Size([5, 3, 1, 1, 8, 8])
    """

    mean: Tensor
    located: Tensor

    def __init__(
        self,
        shape: Shape,
        parameters: int,
        told: int,
        width: int,
        layers: int,
        gated: bool = False,
        locations: slice | None = None,
        alone: int = 0,
    ) -> None:
        super().__init__()
        channels = shape[0]
        self.per_element, self.reach = parameters, FIRST // 2 + layers
        self.first = CausalConv2d(channels, width, FIRST, own=False)
        self.rows = RowsAbove(width, shape[2]) if gated else None
        self.blocks = nn.ModuleList(CausalBlock2d(width, gated) for _ in range(layers))
        self.told = nn.Conv2d(told * channels, width, 1)
        self.earlier = EarlierChannels(channels, width) if channels > 1 else None
        self.alone = nn.Sequential(*(Alone(channels, width) for _ in range(alone)))
        self.output = nn.Conv2d(channels * width, channels * parameters, 1, groups=channels)
        nn.init.normal_(self.output.weight, std=SMALL)
        nn.init.zeros_(self.output.bias)  # type: ignore[arg-type]
        self.linear = None if locations is None else LinearPast(channels, FIRST)
        self.register_buffer("located", located(parameters, locations), persistent=False)
        self.register_buffer("mean", torch.zeros(shape))

    @torch.no_grad()
    def start(self, x: Tensor, told: Tensor) -> tuple[Tensor, Tensor]:
        """Start as the best linear prediction.

        Args:
            x: images (N, C, H, W). told: linearly about each, less the mean, as many.

        Returns:
            What to weigh by what is told, for each channel (C,), and what is left then of x.
        """
        left = x - x.mean(0)
        if self.linear is None:
            return torch.ones_like(x[0, :, 0, 0]), left - told
        self.mean.copy_(x.mean(0))
        near = self._near(x)
        weights = self.linear.fit(near, left, told)
        nn.init.zeros_(self.output.weight)  # whose effect would drown what the prediction leaves
        return weights, left - self.linear.within(near) - weights[:, None, None] * told

    def see(self, x: Tensor) -> Seen:
        """What each pixel of images (..., C, H, W) knows of those before it."""
        near = self._near(x.flatten(0, -4))
        y = channels_last(self.first.within(near))
        y = y if self.rows is None else self.rows(y)
        for block in self.blocks:
            y = block(y)
        return Seen(y.unflatten(0, x.shape[:-3]), near.unflatten(0, x.shape[:-3]))

    def forward(self, seen: Seen, told: Tensor) -> Tensor:
        """Seen of ((K,) B, ...) and told (K, B, F, C, H, W) to (K, B, P, C, H, W)."""
        lead = told.shape[:2]
        inside = self.told(channels_last(told.flatten(0, 1).flatten(1, 2))).unflatten(0, lead)
        features = seen.features if lead[0] > 1 or seen.features.dim() > 4 else seen.features[None]
        hidden = (features + inside).unsqueeze(2)
        if self.earlier is not None:
            hidden = hidden + self._of_channels(self.earlier, seen.near)
        out = full(self.output(F.silu(self.alone(hidden.flatten(0, 1).flatten(1, 2)))))
        out = out.unflatten(1, (-1, self.per_element)).transpose(1, 2).unflatten(0, lead)
        if self.linear is None:
            return out
        linear = self.linear.within(seen.near.flatten(0, -4)).unflatten(0, seen.near.shape[:-3])
        return out + self.located * linear.unsqueeze(-4)

    def fill(self, x: Tensor, told: Tensor, make: Make) -> None:
        """Write images x (K, B, C, H, W), all zero, pixel by pixel.

        What layers make of a pixel is kept, so that an image takes as much work as one pass.

        Args:
            make: parameters of one channel of a pixel, and its place -> its values.
        """
        lead, (height, width) = x.shape[:2], x.shape[-2:]
        image = self._near(torch.zeros_like(x.flatten(0, 1)) + self.mean)
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
                seen = Seen(y.unflatten(0, lead), window.unflatten(0, lead))
                for channel in range(x.shape[2]):
                    here = (..., slice(channel, channel + 1), *at[1:])
                    more = self(seen, told[at])[..., channel : channel + 1, :, :]
                    x[here] = make(more, here)
                    of_mean = self.mean[channel, row, column]
                    window[..., channel, far, far] = x[here].flatten() - of_mean
            if self.rows is not None and above is not None:
                above = torch.cat([above, self.rows.summary(line)[..., 0]], -1)

    def _near(self, x: Tensor) -> Tensor:
        return self.first.bordered(x - self.mean)

    def _of_channels(self, earlier: EarlierChannels, near: Tensor) -> Tensor:
        """What earlier channels add to hidden layers, (..., C, W', H, W)."""
        margin = self.first.margin
        own = near[..., margin:, margin : near.shape[-1] - margin]
        more = earlier(own.flatten(0, -4)).unflatten(1, (own.shape[-3], -1))
        return more.unflatten(0, near.shape[:-3])


def channels_last(x: Tensor) -> Tensor:
    """The same values, those of a pixel beside each other: so layers take a third of the time."""
    return x.contiguous(memory_format=torch.channels_last)
