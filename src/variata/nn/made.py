"""A network over vectors in which an element sees those before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variata.nn.masked import QUIET, MaskedLinear, last_known
from variata.shapes import full


class Made(nn.Module):
    """What the elements before each one, and numbers about all, say about its parameters.

    Args:
        size: D, elements of x. parameters: P, of each element. told: F numbers about each element,
            which all may know; 0 for none.
        width: of the two hidden layers.
        read: x (N, D) -> (N, D * each), in the order of the elements; None as it is.
        each: numbers that one element is read as.

    Reference:
        MADE: Masked Autoencoder for Distribution Estimation (Germain et al., 2015),
        arXiv:1502.03509

    >>> made = Made(4, parameters=2, told=1, width=8)
    >>> made(made.see(torch.zeros(3, 4)), torch.zeros(5, 3, 1, 4)).shape
    torch.Size([5, 3, 2, 4])
    """

    def __init__(
        self,
        size: int,
        parameters: int,
        told: int,
        width: int,
        read: nn.Module | None = None,
        each: int = 1,
    ) -> None:
        super().__init__()
        self.size, self.per_element, self.read = size, parameters, read
        place = torch.arange(size)
        known = last_known(size, width)
        self.first = MaskedLinear(known[:, None] >= place.repeat_interleave(each))
        self.told = nn.Linear(told * size, width) if told else None
        self.second = MaskedLinear(known[:, None] >= known)
        self.last = MaskedLinear(place.repeat(parameters)[:, None] > known)
        with torch.no_grad():
            self.last.linear.weight.mul_(QUIET)

    def see(self, x: Tensor) -> Tensor:
        """Vectors (..., D) to what hidden units know of them, (..., width)."""
        rows = x.flatten(0, -2)
        return self.first(rows if self.read is None else self.read(rows)).unflatten(0, x.shape[:-1])

    def forward(self, seen: Tensor, told: Tensor) -> Tensor:
        """Seen ((K,) B, width) and told (K, B, F, D) to (K, B, P, D)."""
        inside = seen if self.told is None else seen + self.told(told.flatten(2))
        hidden = F.silu(inside)
        hidden = hidden + F.silu(self.second(hidden))
        return full(self.last(hidden)).unflatten(-1, (self.per_element, self.size))

    def fill(self, x: Tensor, told: Tensor, make: Callable[[Tensor, Any], Tensor]) -> None:
        """Write vectors x (K, B, D), all zero, element by element, in a pass for each.

        Args:
            make: parameters of all elements, and a place that is all of them -> their values.
        """
        for i in range(self.size):
            x[..., i] = make(self(self.see(x), told), ...)[..., i]
