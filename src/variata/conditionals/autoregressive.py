"""A likelihood whose elements depend on those before them, around any other."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from variata.distributions import Autoregressive
from variata.nn import CausalImage
from variata.shapes import Shape


class AutoregressiveHead(nn.Module):
    """Parameters of another head, to which the elements before each one add.

    Args:
        head: of independent elements.
        reader: what reads them: a `CausalImage` or `Made` of as many parameters. With the former,
            the other head's own parameters must serve all pixels alike.
        told: numbers about every element that the decoder gives besides.

    Reference:
        PixelVAE: A Latent Variable Model for Natural Images (Gulrajani et al., 2016),
        arXiv:1611.05013

    >>> from variata.conditionals import BernoulliHead
    >>> from variata.nn import Made
    >>> head = AutoregressiveHead(BernoulliHead(), Made(4, 1, told=0, width=8), told=0)
    >>> head(torch.zeros(5, 3, head.per_element, 4)).batch_shape
    torch.Size([5, 3])
    """

    def __init__(self, head: nn.Module, reader: nn.Module, told: int) -> None:
        super().__init__()
        self.head, self.own, self.reader = head, int(head.per_element), reader  # type: ignore[arg-type]
        self.per_element = self.own + told
        self.levels: int | None = getattr(head, "levels", None)
        if isinstance(locations := getattr(head, "locations", None), slice):
            self.locations = locations

    def forward(self, raw: Tensor) -> Autoregressive:
        """Raw outputs (K, B, P + told, *X), those of the other head first."""
        own, told = raw.split([self.own, self.per_element - self.own], 2)
        return Autoregressive(own, told, self.reader, self.head, self.levels)  # type: ignore[arg-type]

    def start(self, mean: Tensor, scale: Tensor) -> Tensor:
        own: Tensor = self.head.start(mean, scale)  # type: ignore[operator]
        told = self.per_element - self.own
        return torch.cat([own, own.new_zeros(told, *own.shape[1:])])


def pixel_head(
    head: nn.Module,
    shape: Shape,
    told: int,
    width: int,
    layers: int,
    gated: bool = False,
    alone: int = 0,
) -> AutoregressiveHead:
    """An `AutoregressiveHead` that reads the pixels of images (C, H, W), as `CausalImage` does.

    >>> from variata.conditionals import BernoulliHead
    >>> head = pixel_head(BernoulliHead(), (1, 4, 4), told=2, width=4, layers=1)
    >>> head(torch.zeros(5, 3, head.per_element, 1, 4, 4)).batch_shape
    torch.Size([5, 3])
    """
    own, found = int(head.per_element), getattr(head, "locations", None)  # type: ignore[arg-type]
    locations = found if isinstance(found, slice) else None
    reader = CausalImage(shape, own, told, width, layers, gated, locations, alone)
    return AutoregressiveHead(head, reader, told)
