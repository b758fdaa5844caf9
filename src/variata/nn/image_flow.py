"""An invertible network of images, in several sizes."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variata.nn.conv import Residual
from variata.nn.mlp import QUIET
from variata.shapes import Shape, full, numel

SMALLEST = 4  # side of an image below which it is not halved
MOST = 3  # halvings


class ImageCoupling(nn.Module):
    """x -> x exp(s) + t where a mask is 0; s and t are made of what lies where it is 1.

    Args:
        mask: (C, H, W). width: channels inside. context: C', of c (N, C'); 0 for none.

    Reference:
        Density estimation using Real NVP (Dinh et al., 2016), arXiv:1605.08803
    """

    mask: Tensor

    def __init__(self, mask: Tensor, width: int, context: int) -> None:
        super().__init__()
        channels = mask.shape[0]
        self.register_buffer("mask", mask.float(), persistent=False)
        self.first = nn.Conv2d(channels, width, 3, padding=1)
        self.told = nn.Linear(context, width) if context else None
        self.inside = Residual(width)
        self.last = nn.Conv2d(width, 2 * channels, 3, padding=1)
        with torch.no_grad():  # so that it starts close to the identity
            self.last.weight.mul_(QUIET)

    def forward(self, x: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """The image of x (N, C, H, W), and the logarithm of the volume change, (N,)."""
        shift, log_scale = self._shift_and_log_scale(x, context)
        return torch.addcmul(shift, x, log_scale.exp()), log_scale.flatten(1).sum(-1)

    def inverse(self, y: Tensor, context: Tensor) -> Tensor:
        """The x whose image is y."""
        shift, log_scale = self._shift_and_log_scale(y, context)
        return (y - shift) * (-log_scale).exp()

    def _shift_and_log_scale(self, x: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        inside = self.first(x * self.mask)
        if self.told is not None:
            inside = inside + self.told(context)[..., None, None]
        raw = full(self.last(F.silu(self.inside(inside))))
        shift, log_scale = (raw.unflatten(1, (2, -1)) * (1 - self.mask)).unbind(1)
        return shift, log_scale.tanh()


class ImageFlow(nn.Module):
    """Images, flat (N, L), to noise (N, L): couplings, then half the channels are done, and so on.

    Before each part, squares of four pixels become channels, as long as sides are even.

    Args:
        shape: (C, H, W). couplings: of each size. width: channels inside, at each size.
        context: C', of c (N, C'); 0 for none.

    Reference:
        Density estimation using Real NVP (Dinh et al., 2016), arXiv:1605.08803

    >>> flow, x, c = ImageFlow((1, 8, 8), 2, 4, 0), torch.randn(3, 64), torch.zeros(3, 0)
    >>> noise, log_det = flow(x, c)
    >>> log_det.shape, bool(torch.allclose(flow.inverse(noise, c), x, atol=1e-4))
    (torch.Size([3]), True)
    """

    def __init__(self, shape: Shape, couplings: int, width: int, context: int) -> None:
        super().__init__()
        self.shape, self.shapes = shape, _shapes(shape)
        self.sizes = nn.ModuleList(
            nn.ModuleList(ImageCoupling(_mask(s, i), width, context) for i in range(couplings))
            for s in self.shapes
        )

    def forward(self, x: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """The noise of x (N, L), and the logarithm of the volume change, (N,)."""
        image, done, change = x.unflatten(-1, self.shape), [], x.new_zeros(x.shape[0])
        couplings: Any
        for i, couplings in enumerate(self.sizes):
            image = F.pixel_unshuffle(image, 2) if image.shape[1:] != self.shapes[i] else image
            for coupling in couplings:
                image, more = coupling(image, context)
                change = change + more
            if i + 1 < len(self.sizes):
                out, image = image.chunk(2, 1)
                done.append(out.flatten(1))
        return torch.cat([*done, image.flatten(1)], -1), change

    def inverse(self, y: Tensor, context: Tensor) -> Tensor:
        """The x whose noise is y."""
        lengths = [numel(s) // 2 for s in self.shapes[:-1]]
        *done, rest = y.split([*lengths, y.shape[-1] - sum(lengths)], -1)
        image = rest.unflatten(-1, self.shapes[-1])
        couplings: Any
        for i, couplings in reversed(list(enumerate(self.sizes))):
            if i + 1 < len(self.sizes):
                channels, *sides = self.shapes[i]
                image = F.pixel_shuffle(image, 2)
                image = torch.cat([done[i].unflatten(-1, (channels // 2, *sides)), image], 1)
            for coupling in reversed(list(couplings)):
                image = coupling.inverse(image, context)
        image = F.pixel_shuffle(image, 2) if image.shape[1:] != self.shape else image
        return image.flatten(1)


def _shapes(shape: Shape) -> list[Shape]:
    """Of the images that each part of the couplings sees.

    >>> _shapes((1, 28, 28)), _shapes((1, 9, 7))
    ([(4, 14, 14), (8, 7, 7)], [(1, 9, 7)])
    """
    channels, height, width = shape
    found: list[Shape] = []
    while height % 2 == width % 2 == 0 and min(height, width) // 2 >= SMALLEST:
        if len(found) == MOST:
            break
        channels, height, width = 4 * channels, height // 2, width // 2
        found.append((channels, height, width))
        channels //= 2
    return found or [shape]


def _mask(shape: Shape, number: int) -> Tensor:
    """1 for half of the elements: by places, or by a binary digit of the channel, in turn."""
    channel, row, column = (torch.arange(n, device="cpu") for n in shape)
    digits = math.ceil(math.log2(shape[0])) if shape[0] > 1 else 0
    kind = (number // 2) % (digits + 1)
    places = row[:, None] + column
    halves = (
        places.expand(shape) if kind == digits else (channel >> kind)[:, None, None].expand(shape)
    )
    return (halves + number) % 2
