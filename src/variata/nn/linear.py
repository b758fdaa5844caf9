"""Linear paths beside a network, so that training can start as a linear model of the data."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from variata.shapes import Shape, numel


def located(parameters: int, locations: slice | None) -> Tensor:
    """Ones at those parameters of images that are in units of x, (P, 1, 1, 1).

    >>> located(3, slice(0, 1)).flatten()
    tensor([1., 0., 0.])
    """
    ones = torch.zeros(parameters, 1, 1, 1)
    ones[locations or slice(0)] = 1
    return ones


class ProjectingEncoder(nn.Module):
    """Features of a network, and beside them a linear projection of the data.

    Args:
        network: (B, *X) -> (B, F).
        features: F.
        shape: X. outputs: L, width of the projection.

    >>> ProjectingEncoder(nn.Flatten(), 4, shape=(4,), outputs=2)(torch.zeros(5, 4)).shape
    torch.Size([5, 6])
    """

    def __init__(self, network: nn.Module, features: int, shape: Shape, outputs: int) -> None:
        super().__init__()
        self.network, self.projection = network, nn.Linear(numel(shape), outputs)
        self.features = features + outputs

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.network(x), self.projection(x.flatten(1))], 1)


class SkippingDecoder(nn.Module):
    """A decoder network with a linear path from the latent to the raw outputs that locate x.

    Args:
        network: (N, *Z) -> (N, P, *X).
        inputs: numel(Z). shape: X.
        locations: which of the P raw outputs are in units of x.
    """

    def __init__(self, network: nn.Module, inputs: int, shape: Shape, locations: slice) -> None:
        super().__init__()
        self.network, self.shape, self.locations = network, shape, locations
        self.skip = nn.Linear(inputs, numel(shape), bias=False)

    def forward(self, z: Tensor) -> Tensor:
        raw = self.network(z)
        raw[:, self.locations] += self.skip(z.flatten(1)).view(-1, 1, *self.shape)
        return raw

    def start_at(self, raw: Tensor, gain: float = 1.0) -> None:
        """Make `raw` (P, *X) the output for zeros, and weigh what the network adds by `gain`."""
        self.network.start_at(raw, gain)  # type: ignore[operator]
