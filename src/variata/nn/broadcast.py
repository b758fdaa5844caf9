"""Networks of patches: a decoder in which latents and places meet first, and a light encoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variata.nn.conv import halvings, padded
from variata.nn.mlp import QUIET, Dense
from variata.shapes import Shape

SMALLEST = 12  # patches along the shorter side at least, where it has as many pixels
LAYERS = 2


class PatchEncoder(nn.Module):
    """Images (B, C, H, W) to features (B, hidden): a layer of patches, and two that halve them.

    Sides that patches do not divide are padded on the right and below by their border.

    Args:
        shape: of an image, (C, H, W).
        channels: of a patch, doubled after the first halving.
        hidden: features.

    >>> PatchEncoder((3, 37, 53), channels=8, hidden=32)(torch.zeros(5, 3, 37, 53)).shape
    torch.Size([5, 32])
    """

    def __init__(self, shape: Shape, channels: int, hidden: int) -> None:
        super().__init__()
        times = halvings(shape, SMALLEST)
        height, width = padded(shape, times)
        self.padding = (0, width - shape[2], 0, height - shape[1])
        sides = (height >> times, width >> times)
        layers: list[nn.Module] = [nn.Conv2d(shape[0], channels, 2**times, stride=2**times)]
        before = channels
        for _ in range(min(LAYERS, halvings((1, *sides)))):
            layers += [nn.SiLU(), nn.Conv2d(before, 2 * channels, 4, stride=2, padding=1)]
            before, sides = 2 * channels, (sides[0] // 2, sides[1] // 2)
        self.layers = nn.Sequential(*layers, nn.SiLU(), nn.Flatten())
        self.output = Dense(before * sides[0] * sides[1], hidden)
        self.features = hidden

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, self.padding, mode="replicate") if any(self.padding) else x
        return self.output(self.layers(x))


class BroadcastDecoder(nn.Module):
    """Latents (N, *Z) to raw parameters (N, P, C, H, W): each patch is drawn from z and its place.

    z is told to every patch and added to a linear function of the patch's place; the same layers
    make a patch of the sum. To move what is drawn is then to add to a latent dimension, which a
    network without places has to learn for every place anew: positions come to lie along latent
    dimensions of their own. The paper joins z and places in the same way and goes on with
    convolutions; here every patch goes on by itself, which is less work.

    Args:
        inputs: latent dimensions, and those of a condition.
        shape: of an image, (C, H, W).
        parameters: of the likelihood, for every element.
        width: of the layers.

    Reference:
        Spatial Broadcast Decoder: A Simple Architecture for Learning Disentangled Representations
        in VAEs (Watters et al., 2019), arXiv:1901.07017

    >>> BroadcastDecoder(2, (3, 37, 53), 1, width=8)(torch.zeros(5, 2)).shape
    torch.Size([5, 1, 3, 37, 53])
    """

    places: Tensor

    def __init__(self, inputs: int, shape: Shape, parameters: int, width: int) -> None:
        super().__init__()
        self.shape, times = (parameters, *shape), halvings(shape, SMALLEST)
        self.side = 2**times
        height, width_of_image = padded(shape, times)
        self.rows, self.columns = height // self.side, width_of_image // self.side
        self.register_buffer("places", places(self.rows, self.columns), persistent=False)
        self.told, self.placed = nn.Linear(inputs, width), nn.Linear(2, width, bias=False)
        self.layers = nn.Sequential(*(Dense(width, width) for _ in range(LAYERS)))
        self.output = nn.Linear(width, parameters * shape[0] * self.side**2, bias=False)
        self.bias = nn.Parameter(torch.zeros(self.shape))
        with torch.no_grad():  # so that an untrained decoder says little more than its bias
            self.output.weight.mul_(QUIET)

    def forward(self, z: Tensor) -> Tensor:
        met = F.silu(self.told(z.flatten(1))[:, None] + self.placed(self.places))
        return self.joined(self.output(self.layers(met))) + self.bias

    def joined(self, patches: Tensor) -> Tensor:
        """Patches (N, rows * columns, P C side side) as images (N, P, C, H, W)."""
        square = (self.side, self.side)
        apart = patches.unflatten(1, (self.rows, self.columns)).unflatten(-1, (-1, *square))
        image = apart.permute(0, 3, 1, 4, 2, 5).flatten(4, 5).flatten(2, 3)
        return image[..., : self.shape[-2], : self.shape[-1]].unflatten(1, self.shape[:2])

    @torch.no_grad()
    def start_at(self, raw: Tensor, gain: float = 1.0) -> None:
        """Make `raw` (P, C, H, W) the output for features of zero, and weigh others by `gain`."""
        self.output.weight.mul_(gain)
        self.bias.copy_(raw)


def places(rows: int, columns: int) -> Tensor:
    """Where the middles of patches lie, from -1 to 1 down and across, (rows * columns, 2).

    >>> places(1, 2)
    tensor([[ 0.0000, -0.5000],
            [ 0.0000,  0.5000]])
    """
    down, across = ((2 * torch.arange(n) + 1 - n) / n for n in (rows, columns))
    return torch.stack(torch.meshgrid(down, across, indexing="ij"), -1).flatten(0, 1)
