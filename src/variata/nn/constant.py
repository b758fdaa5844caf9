"""What a decoder is where there is nothing to decode."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from variata.nn.joining import checked
from variata.nn.mlp import QUIET, stack
from variata.shapes import Shape, numel


class Constant(nn.Module):
    """The same raw numbers for every row, (N, 0) -> (N, P, *X), or such as a condition moves.

    Args:
        shape: (P, *X). context: C, of c (N, C); 0 for none. width: of the layer that reads c.

    Raises:
        ShapeError: by a call, for a condition of another width.

    >>> Constant((2, 5))(torch.zeros(3, 0)).shape
    torch.Size([3, 2, 5])
    """

    def __init__(self, shape: Shape, context: int = 0, width: int = 64) -> None:
        super().__init__()
        self.context, self.bias = context, nn.Parameter(QUIET * torch.randn(shape))
        self.hidden = stack(context, [width]) if context else None
        self.moved = nn.Linear(width, numel(shape)) if context else None
        if self.moved is not None:
            with torch.no_grad():
                self.moved.weight.mul_(QUIET)

    def forward(self, c: Tensor) -> Tensor:
        told = checked(c, self.context)
        if self.hidden is None or self.moved is None:
            return self.bias.expand(told.shape[0], *self.bias.shape)
        return self.bias + self.moved(self.hidden(told)).unflatten(1, self.bias.shape)

    @torch.no_grad()
    def start_at(self, raw: Tensor, gain: float = 1.0) -> None:
        """Make `raw` (P, *X) what is told of every row, and weigh the condition by `gain`."""
        if self.moved is not None:
            self.moved.weight.mul_(gain)
        self.bias.copy_(raw)
