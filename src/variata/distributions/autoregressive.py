"""Examples whose elements depend on those before them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.types import _size

from variata.distributions.factorised import ONE_DRAW, Factorised


class Reader(Protocol):
    """Says what the elements before each one tell about its parameters."""

    def see(self, x: Tensor) -> Any: ...
    def __call__(self, seen: Any, told: Tensor) -> Tensor: ...
    def fill(self, x: Tensor, told: Tensor, make: Callable[[Tensor, Any], Tensor]) -> None: ...


class Autoregressive(Factorised):
    """p(x | z) = prod_i p(x_i | x_<i, z), element by element, or pixel by pixel in reading order.

    The channels of a pixel come one after the other too. `log_prob` takes one pass; draws are made
    one after the other. `mean` shows the mean of every element after those before
    it took their most likely values.

    Args:
        raw: parameters before the others are known, (K, B, P, *X).
        told: numbers about each element that the reader combines with others, (K, B, F, *X).
        reader: adds to the parameters what the elements before each one tell.
        head: parameters -> distributions with independent elements.
        levels: of the data, evenly in [0, 1]; None for data without.

    Reference:
        PixelVAE: A Latent Variable Model for Natural Images (Gulrajani et al., 2016),
        arXiv:1611.05013

    >>> from variata.conditionals import BernoulliHead, pixel_head
    >>> head = pixel_head(BernoulliHead(), (1, 4, 4), told=2, width=4, layers=1)
    >>> p = head(torch.zeros(1, 3, 3, 1, 4, 4))
    >>> p.log_prob(p.sample()[0]).shape
    torch.Size([1, 3])
    """

    def __init__(
        self,
        raw: Tensor,
        told: Tensor,
        reader: Reader,
        head: Callable[[Tensor], Any],
        levels: int | None = None,
    ) -> None:
        self.raw, self.told, self.reader = raw, told, reader
        self.head, self.levels = head, levels
        super().__init__(raw.shape[:2] + raw.shape[3:], raw.dim() - 3)

    def given(self, x: Tensor) -> Any:
        """The distribution of every element given those before it in x, ((K,) B, *X)."""
        seen = self.reader.see(x.to(self.raw.dtype))
        return self.head(self.raw + self.reader(seen, self.told))

    def log_prob_each(self, value: Tensor) -> Tensor:
        return self.given(value).log_prob_each(value)

    def log_prob(self, value: Tensor) -> Tensor:
        return self.given(value).log_prob(value)

    def sample(self, sample_shape: _size = ONE_DRAW) -> Tensor:
        shape = self._extended_shape(sample_shape)
        lead = shape[: -len(self._event_shape)]
        pair = (p.expand(*lead, *p.shape[2:]) for p in (self.raw, self.told))
        raw, told = (p.flatten(0, len(lead) - 1) for p in pair)
        return self._unrolled(raw[None], told[None], lambda p: p.sample())[0].reshape(shape)

    @property
    def mean(self) -> Tensor:
        return self._likely().mean

    @property
    def variance(self) -> Tensor:
        return self._likely().variance

    def point(self) -> Tensor:
        return self._likely().point()

    def support_check(self, value: Tensor) -> str | None:
        return self.head(self.raw).support_check(value)

    def _likely(self) -> Any:
        x = self._unrolled(self.raw, self.told, lambda p: self._on_grid(p.point()))
        return self.given(x)

    @torch.no_grad()
    def _unrolled(self, raw: Tensor, told: Tensor, choose: Callable[[Any], Tensor]) -> Tensor:
        """Values made one after the other, (K, B, *X)."""
        x = raw.new_zeros(*raw.shape[:2], *raw.shape[3:])
        self.reader.fill(x, told, lambda more, at: choose(self.head(raw[at] + more)))
        return x

    def _on_grid(self, value: Tensor) -> Tensor:
        """The nearest value that data has: what follows was never shown others."""
        if self.levels is None:
            return value
        return (value * (self.levels - 1)).round() / (self.levels - 1)
