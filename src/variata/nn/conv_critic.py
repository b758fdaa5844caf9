"""Small critics: of images, by convolutions, and of vectors."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from variata.nn.conv import halvings
from variata.nn.mlp import stack
from variata.nn.spectral import unit_norm
from variata.shapes import Shape, full

SLOPE, SMALLEST = 0.2, 3  # of the leaky units; side of an image below which it is not halved


class ConvCritic(nn.Module):
    """One logit for each image: (N, C, H, W) -> (N,), of any height and width.

    Convolutions that halve the image, a dense layer where one is asked for, then a linear layer,
    which starts at 0: the critic knows nothing until it has learned.

    Args:
        shape: (C, H, W). channels: of the first layer, doubled at half the size and again at a
            quarter. normed: whether each convolution has a spectral norm of one. hidden: units of
            the dense layer; 0 for none.

    Reference:
        Spectral Normalization for Generative Adversarial Networks (Miyato et al., 2018),
        arXiv:1802.05957

    >>> import torch
    >>> critic = ConvCritic((3, 11, 14), channels=4)
    >>> critic(torch.zeros(2, 3, 11, 14)).shape, critic.features(torch.zeros(2, 3, 11, 14)).shape
    (torch.Size([2]), torch.Size([2, 140]))
    """

    def __init__(self, shape: Shape, channels: int, normed: bool = True, hidden: int = 0) -> None:
        super().__init__()
        times = halvings(shape, SMALLEST)
        widths = [shape[0], *(channels * min(2**i, 4) for i in range(max(1, times)))]
        size, stride = (4, 2) if times else (3, 1)
        layers = [nn.Conv2d(a, b, size, stride, padding=1) for a, b in pairwise(widths)]
        self.layers = nn.ModuleList(map(unit_norm, layers) if normed else layers)
        found = widths[-1] * (shape[1] >> times) * (shape[2] >> times)
        self.dense = nn.Linear(found, hidden) if hidden else None
        self.output = nn.Linear(hidden or found, 1)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def features(self, x: Tensor) -> Tensor:
        """What the last layer but one makes of images in [0, 1], (N, F)."""
        y = 2 * x - 1
        for layer in self.layers:
            y = F.leaky_relu(layer(y), SLOPE)
        y = y.flatten(1)
        return full(y if self.dense is None else F.leaky_relu(self.dense(y), SLOPE))

    def forward(self, x: Tensor) -> Tensor:
        return full(self.output(self.features(x))).squeeze(-1)


class DenseCritic(nn.Module):
    """One logit for each vector: (N, L) -> (N,); 0 until it has learned.

    Args:
        size: L. width: of three layers. read: what vectors go through first; None for nothing.

    >>> import torch
    >>> DenseCritic(3, width=8)(torch.zeros(2, 3)).shape
    torch.Size([2])
    """

    def __init__(self, size: int, width: int, read: nn.Module | None = None) -> None:
        super().__init__()
        self.read, self.layers = read, stack(size, [width] * 3)
        self.output = nn.Linear(width, 1)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def features(self, x: Tensor) -> Tensor:
        """What the last layer but one makes of examples, (N, width)."""
        return full(self.layers((x if self.read is None else self.read(x)).flatten(1)))

    def forward(self, x: Tensor) -> Tensor:
        return full(self.output(self.features(x))).squeeze(-1)
