"""Classes as latents: a classifier as their posterior, and how they go down."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from variata.conditionals.conditioned import checked
from variata.distributions import OneHot
from variata.nn import Joining
from variata.shapes import full


class ClassPosterior(nn.Module):
    """q(y | x, c): a classifier of its own, which reads the example and not the encoder's features.

    Args:
        network: (B, *X) -> (B, F). features: F. classes: C.
        context: of what everything is conditioned on; 0 for nothing.
    """

    def __init__(self, network: nn.Module, features: int, classes: int, context: int = 0) -> None:
        super().__init__()
        self.network, self.linear = network, nn.Linear(features, classes)
        self.joining = Joining(features, context) if context else None

    def forward(self, h: Tensor | None, features: Any) -> OneHot:
        seen = self.network(features[0])
        if self.joining is not None:
            seen = self.joining(seen, checked(h, self.joining.context)[0])
        return OneHot(full(self.linear(seen)).unsqueeze(-2))


class OfEncoder(nn.Module):
    """A posterior that reads what the encoder made, beside the example: (seen, features)."""

    def __init__(self, posterior: nn.Module) -> None:
        super().__init__()
        self.posterior = posterior

    def forward(self, h: Tensor | None, features: Any) -> Any:
        return self.posterior(h, features[1])


class BesideSeen(nn.Module):
    """An encoder that hands on the example too: (seen, features of the network)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, self.network(x)


def append(h: Tensor | None, z: Tensor) -> Tensor:
    """The merge of a latent that everything further down is conditioned on."""
    return z if h is None else torch.cat([h, z], -1)
