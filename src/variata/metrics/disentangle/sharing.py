"""Rows of a table that share the value of a factor, drawn at random."""

from __future__ import annotations

import numpy as np

from variata.errors import DataError


class Sharing:
    """The rows of a table by the value of one factor; only values that two rows have.

    Args:
        values: of the factor, (N,), 0, 1, ...
        name: of the factor.

    Raises:
        DataError: no two rows have the same value.
    """

    def __init__(self, values: np.ndarray, name: str) -> None:
        counts = np.bincount(values)
        if counts.max() < 2:
            raise DataError(f"No two rows share a value of '{name}': give more rows.")
        starts = np.cumsum(counts) - counts
        self.order = np.argsort(values, kind="stable")
        self.starts, self.counts = starts[counts > 1], counts[counts > 1]

    def groups(self, random: np.random.Generator, n: int, size: int) -> np.ndarray:
        """n groups of rows, with replacement, each of one value drawn at random, (n, size).

        >>> sharing = Sharing(np.array([0, 1, 0, 2]), "shape")
        >>> np.unique(sharing.groups(np.random.default_rng(0), 5, 9))
        array([0, 2])
        """
        value = random.integers(len(self.counts), size=(n, 1))
        place = random.integers(self.counts[value], size=(n, size))
        return self.order[self.starts[value] + place]

    def pairs(self, random: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        """Pairs of different rows, each of one value, in the data's proportions, (2, *shape).

        >>> sharing = Sharing(np.array([0, 1, 0, 1]), "shape")
        >>> sharing.pairs(np.random.default_rng(0), (1, 3)).sum(0) % 2
        array([[0, 0, 0]])
        """
        share = self.counts / self.counts.sum()
        value = random.choice(len(self.counts), shape, p=share)
        count = self.counts[value]
        first = random.integers(count)
        second = (first + random.integers(1, count)) % count
        return self.order[self.starts[value] + np.stack([first, second])]
