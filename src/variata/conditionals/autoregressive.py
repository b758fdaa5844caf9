"""A likelihood whose pixels depend on those before them, around any other."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from variata.distributions import Autoregressive
from variata.nn import CausalImage
from variata.shapes import Shape


class AutoregressiveHead(nn.Module):
    """Parameters of another head, to which the pixels before each one add.

    Args:
        head: of independent elements, whose own parameters serve all pixels alike.
        shape: (C, H, W) of an example.
        told: numbers about every element that the decoder gives besides.
        width, layers: of the network that reads pixels.

    Reference:
        PixelVAE: A Latent Variable Model for Natural Images (Gulrajani et al., 2016),
        arXiv:1611.05013

    >>> from variata.conditionals import BernoulliHead
    >>> head = AutoregressiveHead(BernoulliHead(), (1, 4, 4), told=2, width=4, layers=1)
    >>> head(torch.zeros(5, 3, head.per_element, 1, 4, 4)).batch_shape
    torch.Size([5, 3])
    """

    def __init__(self, head: nn.Module, shape: Shape, told: int, width: int, layers: int) -> None:
        super().__init__()
        self.head, self.own = head, int(head.per_element)  # type: ignore[arg-type]
        self.per_element = self.own + told
        self.levels: int | None = getattr(head, "levels", None)
        if isinstance(locations := getattr(head, "locations", None), slice):
            self.locations = locations
        self.reader = CausalImage(shape, self.own, told, width, layers)

    def forward(self, raw: Tensor) -> Autoregressive:
        """Raw outputs (K, B, P + told, C, H, W), those of the other head first."""
        own, told = raw.split([self.own, self.per_element - self.own], 2)
        return Autoregressive(own, told, self.reader, self.head, self.levels)

    def start(self, mean: Tensor, scale: Tensor) -> Tensor:
        own: Tensor = self.head.start(mean, scale)  # type: ignore[operator]
        told = self.per_element - self.own
        return torch.cat([own, own.new_zeros(told, *own.shape[1:])])
