"""Cells of latents: where real numbers become whole ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import numpy as np

from variata.exact.symbols import Cells, Whole
from variata.exact.tables import ONE, Array, normal


@cache
def standard_cells(bits: int) -> tuple[Array, Array]:
    """Edges (2^bits - 1,) and middles (2^bits,) of cells that N(0, I) gives the same mass each.

    >>> standard_cells(1)[0].tolist()
    [0.0]
    """
    halves = normal().where(np.arange(1, 2 ** (bits + 1)) * (ONE / 2 ** (bits + 1)))
    return halves[1::2], halves[::2]


@dataclass(frozen=True)
class Lattice:
    """Cells of every latent dimension, of the same mass under N(place, spread^2) each.

    Attributes:
        place, spread: (L,).
        bits: of a cell.

    >>> lattice = Lattice(np.array([5.0]), np.array([2.0]), bits=10)
    >>> bool(abs(lattice.values(lattice.of(np.array([[4.0]]))) - 4) < 0.01)
    True
    """

    place: Array
    spread: Array
    bits: int
    edges: Array = field(init=False)
    middles: Array = field(init=False)

    def __post_init__(self) -> None:
        edges, middles = standard_cells(self.bits)
        object.__setattr__(self, "edges", edges)
        object.__setattr__(self, "middles", middles)

    def __len__(self) -> int:
        return len(self.place)

    def only(self, j: int) -> Lattice:
        """The cells of one dimension."""
        return Lattice(self.place[j : j + 1], self.spread[j : j + 1], self.bits)

    def under(self, centre: Array, narrow: Array) -> Cells:
        """The cells under Gaussians of these centres and inverse scales, (B, L): B * L symbols."""
        centre, narrow = (centre - self.place) / self.spread, narrow * self.spread
        return Cells(normal(), self.edges, centre.reshape(-1), narrow.reshape(-1))

    def of(self, z: Array) -> Whole:
        """The cells that hold latents (B, L), (B * L,)."""
        return np.searchsorted(self.edges, ((z - self.place) / self.spread).reshape(-1))

    def values(self, cells: Whole) -> Array:
        """The middles of cells (B * L,), (B, L)."""
        return self.place + self.spread * self.middles[cells].reshape(-1, len(self))
