"""How what everything is conditioned on joins what a network has made of an example."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variata.errors import ShapeError

QUIET = 0.1


class Joining(nn.Module):
    """f + W silu(A f + B c): features that know the condition, for features of any network.

    Args:
        features: F, of f (B, F).
        context: C, of c (B, C).

    >>> Joining(8, 3)(torch.zeros(5, 8), torch.zeros(5, 3)).shape
    torch.Size([5, 8])
    """

    def __init__(self, features: int, context: int) -> None:
        super().__init__()
        self.context = context
        self.hidden = nn.Linear(features + context, features)
        self.output = nn.Linear(features, features)
        with torch.no_grad():  # so that it starts close to the features as they are
            self.output.weight.mul_(QUIET)
            self.output.bias.zero_()

    def forward(self, f: Tensor, c: Tensor) -> Tensor:
        return f + self.output(F.silu(self.hidden(torch.cat([f, c], -1))))

    @torch.no_grad()
    def spare_last(self, count: int) -> None:
        """Leave the last features as they are, at the start."""
        self.output.weight[-count:] = 0


def checked(h: Tensor | None, context: int) -> Tensor:
    """The condition of a batch, where it is there and of the right width.

    Raises:
        ShapeError: it is not.
    """
    if h is None or h.shape[-1] != context:
        got = "nothing" if h is None else f"{h.shape[-1]} values"
        raise ShapeError(
            f"This model is conditioned on {context} values for each example (Batch.c), got {got}."
        )
    return h
