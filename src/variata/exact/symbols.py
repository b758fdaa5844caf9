"""Discrete distributions whose probabilities are whole numbers, as cumulative functions.

A symbol is found by halving: at each step it lies to the left or to the right of the middle, with
a probability that is a multiple of 2^-24 and neither 0 nor 1. The product of both along a path is
the symbol's probability, so that all of them sum to one exactly, and none is zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from variata.exact.tables import ONE, Array, Table, logistic

PRECISION = 2**24
Whole = NDArray[np.int64]


class Symbols(Protocol):
    """N independent symbols from 0 to size - 1.

    Attributes:
        size: how many values a symbol can take, at least 2.
    """

    size: int

    def __len__(self) -> int: ...

    def below(self, edge: Whole) -> Array:
        """Mass of the values under each edge (N,), from 1 to size - 1: rising by 1 or more."""
        ...

    @property
    def total(self) -> Array | float:
        """Mass of all values."""
        ...


class Paths:
    """The steps that lead to N symbols, from the first on.

    >>> paths = Paths(Cells(logistic(), np.zeros(1), np.zeros(1), np.ones(1)))
    >>> [left.tolist() for left in paths.lefts()]
    [[0.5]]
    """

    def __init__(self, symbols: Symbols) -> None:
        self.symbols = symbols
        self.first = np.zeros(len(symbols), dtype=np.int64)
        self.mass_before: Array = np.zeros(len(symbols))
        self.mass_after: Array = np.broadcast_to(
            np.asarray(symbols.total, dtype=np.float64), self.first.shape
        )

    def lefts(self) -> Iterator[Array]:
        """The probabilities of going left at each step (N,); `go` comes between two of them."""
        span = 1 << (self.symbols.size - 1).bit_length()
        while span > 1:
            span //= 2
            self.middle = self.first + span
            inside = self.middle < self.symbols.size
            edge = np.minimum(self.middle, self.symbols.size - 1)
            self.mass = np.where(inside, self.symbols.below(edge), self.mass_after)
            whole = np.maximum(self.mass_after - self.mass_before, 1)  # 0 beyond the last value
            left = np.floor((self.mass - self.mass_before) * PRECISION / whole)
            yield np.clip(left, 1, PRECISION - 1) / PRECISION

    def go(self, right: NDArray[np.bool_]) -> None:
        """Take a step."""
        self.first = np.where(right, self.middle, self.first)
        self.mass_before = np.where(right, self.mass, self.mass_before)
        self.mass_after = np.where(right, self.mass_after, self.mass)


class Cells:
    """Cells between edges on a line, under a bell that a table gives the cumulative function of.

    Args:
        table: cumulative function, in units of 1 / ONE.
        edges: of the cells, rising: (size - 1,).
        centre, inverse_scale: of the bells, (N,).
    """

    def __init__(self, table: Table, edges: Array, centre: Array, inverse_scale: Array) -> None:
        self.table, self.edges, self.size = table, edges.reshape(-1), edges.size + 1
        self.centre, self.inverse_scale = centre, inverse_scale

    def __len__(self) -> int:
        return len(self.centre)

    @property
    def total(self) -> float:
        return float(ONE + self.size)

    def below(self, edge: Whole) -> Array:
        return np.add(np.floor(self.share(edge)), edge)

    def share(self, edge: Whole) -> Array:
        """The bells' own mass under each edge, in units of 1 / ONE."""
        return self.table((self.edges[edge - 1] - self.centre) * self.inverse_scale)


class Bells:
    """Cells under several bells with a weight each.

    Args:
        weights: (M, N), positive, in units of 1 / ONE.
        bells: M of `Cells`, for the same N symbols.
    """

    def __init__(self, weights: Array, bells: list[Cells]) -> None:
        self.weights, self.bells = weights, bells
        self.size, self.all = bells[0].size, sum(weights)

    def __len__(self) -> int:
        return len(self.bells[0])

    @property
    def total(self) -> float:
        return self.bells[0].total

    def below(self, edge: Whole) -> Array:
        pairs = zip(self.weights, self.bells, strict=True)
        return np.floor(sum(w * bell.share(edge) for w, bell in pairs) / self.all) + edge


class Choices:
    """Values without order.

    Args:
        masses: of the values, (size, N), in units of 1 / ONE.
    """

    def __init__(self, masses: Array) -> None:
        self.size = len(masses)
        self.sums = np.cumsum(np.floor(masses) + 1, axis=0)

    def __len__(self) -> int:
        return self.sums.shape[1]

    @property
    def total(self) -> Array:
        return self.sums[-1]

    def below(self, edge: Whole) -> Array:
        return self.sums[edge - 1, np.arange(len(self))]

    def likeliest(self) -> Whole:
        """The first value with the largest mass, of each, (N,)."""
        return np.diff(self.sums, axis=0, prepend=0).argmax(0)


def softmax(logits: Array) -> Array:
    """exp(logits - largest) along the first dimension, in units of 1 / ONE.

    From the logistic function f, as f(x) / f(-x).
    """
    below = logits - logits.max(0)
    return np.floor(logistic()(below) / logistic()(-below) * ONE)
