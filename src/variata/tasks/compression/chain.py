"""Bits back: rows on a stack, a batch at a time, of which each pays for the latents of the next.

For a batch, latents are popped from q(z | x), which takes bits off the stack; x is pushed by
p(x | z) and z by p(z). What was taken comes back when the batch is read, so that a row costs
log q(z | x) - log p(z) - log p(x | z), the negative bound. As long as the stack holds too little,
a row takes the latents in the middle of q(z | x) instead: these rows' bits do not come back, and
are all that a chain costs at its beginning. Batches grow with the stack.

References:
    Practical Lossless Compression with Latent Variables using Bits Back Coding (Townsend, Bird and
    Barber, 2019), arXiv:1901.04866
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from variata.errors import DataError
from variata.exact import ExactModel
from variata.shapes import numel
from variata.tasks.compression.latents import pop_latents, push_latents
from variata.tasks.compression.stack import Stack

MOST = 256  # rows of a batch
SYMBOLS = 2**16  # of a batch, where a row has less: arrays that caches hold
SPARE = 64  # bits that stay on the stack: what a row takes is at most its share in the mean alone
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Chain:
    """The bits-back chain of one model."""

    model: ExactModel

    def write(self, codes: Codes) -> tuple[NDArray[np.uint32], int]:
        """The words that rows (N, *X) become, and how many rows gave no bits back."""
        stack, done, direct = Stack(), 0, 0
        largest = max(1, min(MOST, SYMBOLS // numel(self.model.shape)))
        while done < len(codes):
            enough = (stack.bits - SPARE) // (self.model.latent * self.model.lattice.bits)
            count = max(0, min(largest, len(codes) - done, enough))
            self._push(stack, codes[done : done + max(1, count)], direct=count == 0)
            done, direct = done + max(1, count), direct + (count == 0)
        return stack.words, direct

    def read(self, words: NDArray[np.uint32], rows: int) -> Codes:
        """The rows (N, *X) that `write` made words of.

        Raises:
            DataError: the words are not those of so many rows.
        """
        stack, codes = Stack(words), np.empty((rows, *self.model.shape), dtype=np.int64)
        while rows:
            count = int(stack.pop_even(1, MOST + 1)[0])
            start = rows - max(1, count)
            if start < 0:
                raise DataError("it holds more rows than it should")
            codes[start:rows] = self._pop(stack, max(1, count), direct=count == 0)
            rows = start
        if not stack.empty:
            raise DataError("it holds more than its rows")
        return codes

    def _push(self, stack: Stack, codes: Codes, direct: bool) -> None:
        q, means = self.model.infer(codes)
        cells = means if direct else stack.pop(q)
        stack.push(self.model.generate(cells), codes.reshape(-1))
        push_latents(stack, self.model, cells, direct)
        stack.push_even(np.array([0 if direct else len(codes)]), MOST + 1)

    def _pop(self, stack: Stack, rows: int, direct: bool) -> Codes:
        cells = pop_latents(stack, self.model, rows, direct)
        p = self.model.generate(cells)
        codes = stack.pop(p).reshape(rows, *self.model.shape)
        if (codes >= p.size).any():
            raise DataError("it holds values that there are not")
        q, means = self.model.infer(codes)
        if not direct:
            stack.push(q, cells)
        elif (cells != means).any():
            raise DataError("its first rows are not those of this model")
        return codes
