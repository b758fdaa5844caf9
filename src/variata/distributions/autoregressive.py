"""Images whose pixels depend on those before them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.types import _size

from variata.distributions.factorised import ONE_DRAW, Factorised


class Reader(Protocol):
    """Says what the pixels before each one tell about its parameters.

    Attributes:
        reach: rows above and columns beside that a pixel sees.
    """

    reach: int

    def see(self, x: Tensor) -> Tensor: ...
    def __call__(self, seen: Tensor, told: Tensor) -> Tensor: ...


class Autoregressive(Factorised):
    """p(x | z) = prod_i p(x_i | x_<i, z), pixel by pixel in reading order.

    The channels of a pixel are independent given the pixels before it. `log_prob` takes one pass;
    draws are made pixel by pixel, from windows as far as a pixel sees. `mean` shows the mean of
    every pixel after those before it took their most likely values.

    Args:
        raw: parameters before the pixels are known, (K, B, P, C, H, W).
        told: numbers about each element that the reader combines with pixels, (K, B, F, C, H, W).
        reader: adds to the parameters what pixels tell.
        head: parameters -> distributions with independent elements.
        levels: of the data, evenly in [0, 1]; None for data without.

    Reference:
        PixelVAE: A Latent Variable Model for Natural Images (Gulrajani et al., 2016),
        arXiv:1611.05013

    >>> from variata.conditionals import AutoregressiveHead, BernoulliHead
    >>> head = AutoregressiveHead(BernoulliHead(), (1, 4, 4), told=2, width=4, layers=1)
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
        super().__init__(raw.shape[:2] + raw.shape[3:], 3)

    def given(self, x: Tensor) -> Any:
        """The distribution of every element given the pixels before it in x, ((K,) B, *X)."""
        seen = self._seen(x.to(self.raw.dtype))
        return self.head(self.raw + self.reader(seen, self.told))

    def log_prob_each(self, value: Tensor) -> Tensor:
        return self.given(value).log_prob_each(value)

    def log_prob(self, value: Tensor) -> Tensor:
        return self.given(value).log_prob(value)

    def sample(self, sample_shape: _size = ONE_DRAW) -> Tensor:
        shape = self._extended_shape(sample_shape)
        lead = shape[: -len(self._event_shape)]
        raw, told = (p.expand(*lead, *p.shape[2:]).flatten(0, -5) for p in (self.raw, self.told))
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
        """Images made one pixel after the other, (K, B, C, H, W)."""
        x = raw.new_zeros(*raw.shape[:2], *raw.shape[3:])
        for row in range(x.shape[-2]):
            for column in range(x.shape[-1]):
                at = (..., slice(row, row + 1), slice(column, column + 1))
                more = self.reader(self._seen_at(x, row, column), told[at])
                x[at] = choose(self.head(raw[at] + more))
        return x

    def _seen_at(self, x: Tensor, row: int, column: int) -> Tensor:
        """What one pixel knows of those before it, (K, B, W', 1, 1), from a window around it."""
        top, left = max(0, row - self.reader.reach), max(0, column - self.reader.reach)
        window = x[..., top : row + 1, left : column + self.reader.reach + 1]
        return self._seen(window)[..., row - top :, column - left : column - left + 1]

    def _seen(self, x: Tensor) -> Tensor:
        """What pixels know of those before them, ((K,) B, W', H, W)."""
        return self.reader.see(x.flatten(0, -4)).unflatten(0, x.shape[:-3])

    def _on_grid(self, value: Tensor) -> Tensor:
        """The nearest value that data has: what follows was never shown others."""
        if self.levels is None:
            return value
        return (value * (self.levels - 1)).round() / (self.levels - 1)
