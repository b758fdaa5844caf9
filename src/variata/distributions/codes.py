"""Distributions over latents that stand for codes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Size, Tensor
from torch.distributions import Distribution
from torch.distributions.constraints import Constraint
from torch.nn import functional as F
from torch.types import _size

from variata.distributions.factorised import ONE_DRAW


class Coding(Protocol):
    """Latents (..., L) to codes (..., S) below `size`, and back."""

    length: int
    size: int

    def codes(self, z: Tensor) -> Tensor: ...
    def vectors(self, codes: Tensor) -> Tensor: ...


class Network(Protocol):
    """Logits of each code given those before it, and sequences made one code after the other."""

    def __call__(self, codes: Tensor, context: Tensor | None = None) -> Tensor: ...
    def unroll(
        self, n: int, choose: Callable[[Tensor], Tensor], context: Tensor | None = None
    ) -> Tensor: ...


class Codes(Distribution):
    """The distribution of the latents of code sequences; without a network, all are as likely.

    log p(z) = sum over positions of log p(code | codes before it), nats, exact. A latent that is no
    vector of a code counts as the nearest that is; one of classes that has a gradient, as shares of
    them, and log p(z) has its gradient too.

    Args:
        coding: between latents and codes.
        network: of the probabilities; None for all alike.
        like: any tensor (L,): its size, type and device are those of latents.
        context: what the network knows besides, (K, B, C), which makes the batch (K, B).

    >>> from variata.nn import OneHotCodes
    >>> p = Codes(OneHotCodes(4, 8), None, torch.zeros(8))
    >>> round(p.log_prob(p.sample((3, 5)))[0, 0].item(), 4)
    -2.7726
    """

    has_rsample = False

    def __init__(
        self, coding: Coding, network: Network | None, like: Tensor, context: Tensor | None = None
    ) -> None:
        self.coding, self.network, self.like, self.context = coding, network, like, context
        batch = Size() if context is None else context.shape[:-1]
        super().__init__(batch, like.shape, validate_args=False)

    @property
    def arg_constraints(self) -> dict[str, Constraint]:
        """None: arguments are not validated."""
        return {}

    def log_prob(self, value: Tensor) -> Tensor:
        shares = getattr(self.coding, "shares", None)
        if value.requires_grad and shares is not None and self.network is not None:
            return self._log_prob_of_shares(self.network, shares(value))
        return self.log_prob_of(self.coding.codes(value))

    def log_prob_of(self, codes: Tensor) -> Tensor:
        """log p of code sequences (..., S), nats, (...)."""
        shape = torch.broadcast_shapes(codes.shape[:-1], self._batch_shape)
        if self.network is None:
            nats = -self.coding.length * math.log(self.coding.size)
            return self.like.new_full(shape, nats)
        rows = codes.expand(*shape, -1).reshape(-1, codes.shape[-1])
        logits = self.network(rows, self._spread(shape))
        each = F.cross_entropy(logits.flatten(0, 1), rows.flatten(), reduction="none")
        return -each.view(*shape, -1).sum(-1)

    def _log_prob_of_shares(self, network: Network, shares: Tensor) -> Tensor:
        """The same of shares of codes (..., S, V), which it is linear in at every position."""
        shape = torch.broadcast_shapes(shares.shape[:-2], self._batch_shape)
        rows = shares.expand(*shape, *shares.shape[-2:]).flatten(0, -3)
        logits = network(rows, self._spread(shape))
        return (rows * logits.log_softmax(-1)).sum((-1, -2)).view(shape)

    def sample(self, sample_shape: _size = ONE_DRAW) -> Tensor:
        with torch.no_grad():
            shape = Size(sample_shape) + self._batch_shape
            codes = self._drawn(shape).view(*shape, self.coding.length)
            return self.coding.vectors(codes).to(self.like)

    def _drawn(self, shape: Size) -> Tensor:
        n = shape.numel()
        if self.network is None:
            shape = Size((n, self.coding.length))
            return torch.randint(0, self.coding.size, shape, device=self.like.device)
        return self.network.unroll(n, _chosen, self._spread(shape))

    def _spread(self, shape: Size) -> Tensor | None:
        """The context of every row."""
        if self.context is None:
            return None
        return self.context.expand(*shape, -1).reshape(shape.numel(), -1)

    def __repr__(self) -> str:
        return f"Codes(length={self.coding.length}, size={self.coding.size})"


def _chosen(logits: Tensor) -> Tensor:
    return torch.multinomial(logits.softmax(-1), 1)[:, 0]
