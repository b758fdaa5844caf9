"""A stack of bits that symbols are pushed to and popped from, by their probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from variata.errors import MissingExtraError
from variata.exact import Paths, Symbols

Whole = NDArray[np.int64]


class Stack:
    """Asymmetric numeral systems, by `constriction`: last in, first out.

    All its symbols are choices of two, whose probabilities are multiples of 2^-24 in float64: the
    coder makes the same whole numbers of them everywhere.

    Reference:
        Asymmetric numeral systems (Duda, 2013), arXiv:1311.2540

    Args:
        words: what is on it, as `words` gave it; None for nothing.
    """

    def __init__(self, words: NDArray[np.uint32] | None = None) -> None:
        stream = _stream()
        self._coder = (
            stream.stack.AnsCoder(words)
            if words is not None and words.size
            else (stream.stack.AnsCoder())
        )
        self._choice = stream.model.Categorical(perfect=False)
        self._uniform = stream.model.Uniform

    @property
    def bits(self) -> int:
        """How many bits are on it, in words of 32."""
        return self._coder.num_bits()

    @property
    def empty(self) -> bool:
        """Whether nothing is on it."""
        return self._coder.is_empty()

    @property
    def words(self) -> NDArray[np.uint32]:
        """All that is on it."""
        return self._coder.get_compressed()

    def push_even(self, values: Whole, size: int) -> None:
        """Push values below a size, all of the same probability."""
        self._coder.encode_reverse(values.astype(np.int32), self._uniform(size))

    def pop_even(self, count: int, size: int) -> Whole:
        """Pop so many values below a size."""
        return self._coder.decode(self._uniform(size), count).astype(np.int64)

    def push(self, symbols: Symbols, values: Whole) -> None:
        """Push a value of each symbol, (N,)."""
        paths, steps = Paths(symbols), []
        for left in paths.lefts():
            right = values >= paths.middle
            paths.go(right)
            steps.append((right, left))
        for right, left in reversed(steps):
            self._coder.encode_reverse(right.astype(np.int32), self._choice, _both(left))

    def pop(self, symbols: Symbols) -> Whole:
        """Pop a value of each symbol, (N,)."""
        paths = Paths(symbols)
        for left in paths.lefts():
            paths.go(self._coder.decode(self._choice, _both(left)).astype(bool))
        return paths.first


def _both(left: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([left, 1 - left], 1)


def _stream() -> Any:
    try:
        import constriction
    except ImportError as error:
        raise MissingExtraError(
            "Compression needs constriction: pip install 'variata[compress]'."
        ) from error
    return constriction.stream  # type: ignore[attr-defined]
