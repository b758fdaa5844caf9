"""Features of images that need no training: random convolutions at several scales."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variata.nn.conv import halvings
from variata.shapes import Shape, full

WIDTHS = (32, 64, 64)  # maps at the full size, at half of it and at a quarter
SMALLEST = 3  # side of an image below which it is not halved
FAINT = 1e-2  # squared length of a feature that counts as none


class RandomFeatures(nn.Module):
    """Random convolutions of an image and of its halves: (N, C, H, W) -> (N, F).

    The channels at a place are scaled to unit length, so that structure counts and contrast hardly
    does, and a map to the mean over its places, so that the squared distance of two images does not
    depend on their size. The weights follow from the seed: they are no parameters, and not saved.

    Args:
        shape: (C, H, W). seed: of the weights.

    References:
        The Unreasonable Effectiveness of Deep Features as a Perceptual Metric (Zhang et al., 2018),
        arXiv:1801.03924
        A Powerful Generative Model Using Random Weights for the Deep Image Representation (He et
        al., 2016), arXiv:1606.04801

    >>> RandomFeatures((1, 8, 8))(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2, 3072])
    """

    def __init__(self, shape: Shape, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        widths, inputs = WIDTHS[: halvings(shape, SMALLEST) + 1], shape[0]
        self.layers = len(widths)
        for i, width in enumerate(widths):
            flat = torch.randn(width, 9 * inputs, generator=generator, device="cpu")
            if i == 0:
                flat = flat - flat.mean(1, keepdim=True)  # blind to flat areas
            unit = math.sqrt(2) * F.normalize(flat, dim=1)
            self.register_buffer(f"weight_{i}", unit.view(width, inputs, 3, 3), persistent=False)
            inputs = width

    @property
    def weights(self) -> list[Tensor]:
        """Of the convolutions, (channels, inputs, 3, 3) each."""
        return [self.get_buffer(f"weight_{i}") for i in range(self.layers)]

    def forward(self, x: Tensor) -> Tensor:
        maps: list[Tensor] = []
        y = x
        for weight in self.weights:
            y = F.avg_pool2d(y, 2, ceil_mode=True) if maps else y
            y = F.relu(F.conv2d(_edged(y), weight.to(y)))
            whole = full(y)
            unit = whole / (whole.square().sum(1, keepdim=True) + FAINT).sqrt()
            maps.append(unit.flatten(1) / math.sqrt(unit[0, 0].numel()))
        return torch.cat(maps, 1)


def _edged(x: Tensor) -> Tensor:
    """The border repeated once around maps (N, C, H, W).

    By slices, since the compiler takes the gradient of torch's own padding for laid out otherwise
    than it is where channels lie last (seen with torch 2.13).

    >>> _edged(torch.arange(4.0).view(1, 1, 2, 2))[0, 0, 0]
    tensor([0., 0., 1., 1.])
    """
    x = torch.cat([x[..., :1], x, x[..., -1:]], -1)
    return torch.cat([x[..., :1, :], x, x[..., -1:, :]], -2)
