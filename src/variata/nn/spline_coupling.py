"""Couplings of vectors by any rising function, and what mixes their halves."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from variata.nn.masked import QUIET, Elementwise
from variata.nn.mlp import stack
from variata.shapes import full


class Coupling(nn.Module):
    """(a, b) -> (f(b), a), where a and a context make the functions f: the next moves the other.

    Args:
        size: L, of which the first half is a.
        context: C, of c (N, C); 0 for none.
        function: how an element moves. width: of the two hidden layers.

    Reference:
        Neural Spline Flows (Durkan et al., 2019), arXiv:1906.04032

    >>> from variata.nn import Spline
    >>> coupling, x, c = Coupling(5, 0, Spline(), width=8), torch.randn(7, 5), torch.zeros(7, 0)
    >>> y, log_det = coupling(x, c)
    >>> log_det.shape, bool(torch.allclose(coupling.inverse(y, c), x, atol=1e-4))
    (torch.Size([7]), True)
    """

    def __init__(self, size: int, context: int, function: Elementwise, width: int) -> None:
        super().__init__()
        self.kept, self.moved, self.function = size // 2, size - size // 2, function
        inputs = max(1, self.kept + context)  # a single number is told nothing
        self.hidden = stack(inputs, [width, width])
        self.output = nn.Linear(width, self.moved * function.parameters)
        with torch.no_grad():  # so that it starts close to the identity
            self.output.weight.mul_(QUIET)
            self.output.bias.zero_()

    def forward(self, x: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """The image of x (N, L), and the logarithm of the volume change, (N,)."""
        a, b = x.split((self.kept, self.moved), -1)
        y, changes = self.function(b, self._raw(a, context))
        return torch.cat([y, a], -1), changes.sum(-1)

    def inverse(self, y: Tensor, context: Tensor) -> Tensor:
        """The x whose image is y."""
        b, a = y.split((self.moved, self.kept), -1)
        return torch.cat([a, self.function.inverse(b, self._raw(a, context))], -1)

    def _raw(self, a: Tensor, context: Tensor) -> Tensor:
        told = torch.cat([a, context], -1)
        told = told if told.shape[-1] else a.new_ones(a.shape[0], 1)
        raw = full(self.output(self.hidden(told)))
        return raw.unflatten(-1, (self.moved, self.function.parameters))


class Shuffle(nn.Module):
    """The elements of vectors in another order, which follows from a seed."""

    order: Tensor
    back: Tensor

    def __init__(self, size: int, seed: int) -> None:
        super().__init__()
        generator = torch.Generator("cpu").manual_seed(seed)
        order = torch.randperm(size, generator=generator, device="cpu")
        self.register_buffer("order", order, persistent=False)
        self.register_buffer("back", order.argsort(), persistent=False)

    def forward(self, x: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """The image of x (N, L), and the logarithm of the volume change, zeros (N,)."""
        return x[..., self.order], x.new_zeros(x.shape[0])

    def inverse(self, y: Tensor, context: Tensor) -> Tensor:
        """The x whose image is y."""
        return y[..., self.back]
