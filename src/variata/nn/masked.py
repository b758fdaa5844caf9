"""Autoregressive networks of numbers, by masks."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variata.shapes import full

QUIET = 0.1


class Elementwise(Protocol):
    """A rising function of single numbers (`variata.nn.elementwise`)."""

    @property
    def parameters(self) -> int:
        """That a network makes for each number."""
        ...

    def __call__(self, x: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        """y and log dy/dx."""
        ...

    def inverse(self, y: Tensor, raw: Tensor) -> Tensor:
        """The x of y."""
        ...


class MaskedLinear(nn.Module):
    """A linear layer without some of its connections.

    Args:
        connected: which outputs know which inputs, (outputs, inputs).
    """

    mask: Tensor

    def __init__(self, connected: Tensor) -> None:
        super().__init__()
        self.linear = nn.Linear(connected.shape[1], connected.shape[0])
        self.register_buffer("mask", connected.float(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.linear.weight * self.mask, self.linear.bias)


def last_known(size: int, width: int) -> Tensor:
    """The last of `size` places that each hidden unit knows, -1 for none, (width,).

    >>> last_known(3, 5), last_known(9, 3)
    (tensor([-1,  0,  1, -1,  0]), tensor([-1,  3,  7]))
    """
    unit = torch.arange(width)
    if width >= size:
        return unit % size - 1
    return unit * (size - 1) // max(1, width - 1) - 1


class MaskedStep(nn.Module):
    """An invertible step whose every element moves by what those before it, and a context, say.

    One pass moves all elements; the inverse takes as many passes as there are.

    Args:
        latent: L, elements of x.
        context: C, of c (B, C); 0 for none.
        function: how an element moves.
        width: of the two hidden layers.
        reverse: whether "before" counts from the last element.

    References:
        Improving Variational Inference with Inverse Autoregressive Flow (Kingma et al., 2016),
        arXiv:1606.04934
        MADE: Masked Autoencoder for Distribution Estimation (Germain et al., 2015),
        arXiv:1502.03509

    >>> from variata.nn import Affine
    >>> step = MaskedStep(3, 2, Affine(), width=8)
    >>> x, c = torch.randn(7, 3), torch.randn(7, 2)
    >>> y, log_det = step(x, c)
    >>> log_det.shape, bool(torch.allclose(step.inverse(y, c), x, atol=1e-5))
    (torch.Size([7]), True)
    """

    def __init__(
        self,
        latent: int,
        context: int,
        function: Elementwise,
        width: int,
        reverse: bool = False,
    ) -> None:
        super().__init__()
        self.latent, self.function = latent, function
        place = torch.arange(latent)
        place = place.flip(0) if reverse else place
        known = last_known(latent, width)
        outputs = place.repeat_interleave(function.parameters)
        self.informed = nn.Linear(context, width) if context else None
        self.first = MaskedLinear(known[:, None] >= place)
        self.second = MaskedLinear(known[:, None] >= known)
        self.last = MaskedLinear(outputs[:, None] > known)
        with torch.no_grad():  # so that it starts close to the identity
            self.last.linear.weight.mul_(QUIET)
            self.last.linear.bias.zero_()

    def forward(self, x: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """The image of x (..., B, L), and the logarithm of the volume change, (..., B)."""
        y, changes = self.function(x, self._raw(x, context))
        return y, changes.sum(-1)

    def inverse(self, y: Tensor, context: Tensor) -> Tensor:
        """The x whose image is y: each pass makes one more element right."""
        x = torch.zeros_like(y)
        for _ in range(self.latent):
            x = self.function.inverse(y, self._raw(x, context))
        return x

    def _raw(self, x: Tensor, context: Tensor) -> Tensor:
        seen = self.first(x)
        hidden = F.silu(seen if self.informed is None else seen + self.informed(context))
        raw = self.last(F.silu(self.second(hidden)))
        return full(raw).unflatten(-1, (self.latent, self.function.parameters))
