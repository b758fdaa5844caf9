"""Work in pieces: as large as is fast and as memory allows, halved where memory runs out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch

from variata.tasks.memory import available, bytes_made
from variata.training.memory import out_of_memory

T = TypeVar("T")
SHARE = 0.25  # of the available memory that a piece may take
CACHED = 16 * 2**20  # bytes made in a pass on a processor: few calls, arrays that its caches hold
WIDE = 2**30  # and bytes that keep an accelerator busy
FEW = 32  # below so many, a network's work is too little at a time


def size_for(bytes_each: float, device: torch.device) -> int:
    """How many to take at a time, each of which makes so many bytes: a power of two.

    >>> size_for(1e18, torch.device("cpu"))
    1
    """
    useful = (CACHED if device.type == "cpu" else WIDE) / bytes_each
    most = int(min(max(FEW, useful), SHARE * available(device) / bytes_each))
    return 1 << max(0, most.bit_length() - 1)


def measured(work: Callable[[int], Any], count: int, device: torch.device) -> int:
    """How many to take at a time, by what `work` makes for a few, `count` or what fits.

    What it makes however few they are, such as shortened weights, is told apart by half as many.
    """
    try:
        half = count // 2
        whole = bytes_made(lambda: work(count))
        more = whole - bytes_made(lambda: work(half)) if half else whole
    except (RuntimeError, MemoryError) as error:
        fewer = halved(count, error)
        return measured(work, fewer, device)
    return size_for(max(1, more) / (count - half), device)


class Pieces:
    """A size that is kept from use to use, and halved whenever memory runs out.

    Args:
        size: how many to take at a time.

    >>> def work(part: range) -> list[int]:
    ...     if len(part) > 2:
    ...         raise MemoryError
    ...     return list(part)
    >>> found, pieces = [], Pieces(4)
    >>> pieces.run(5, work, found.append)
    >>> found, pieces.size
    ([[0, 1], [2, 3], [4]], 2)
    """

    def __init__(self, size: int) -> None:
        self.size = size

    def run(self, count: int, work: Callable[[range], T], keep: Callable[[T], None]) -> None:
        """Give `keep` what `work` makes of each piece of `range(count)`, in order.

        Raises:
            MemoryError: when a piece of one does not fit.
        """
        done = 0
        while done < count:
            part = range(done, min(done + self.size, count))
            made = self._tried(part, work)
            if made:
                keep(made.pop())
                done = part.stop

    def _tried(self, part: range, work: Callable[[range], T]) -> list[T]:
        """What was made, or nothing and half the size."""
        try:
            return [work(part)]
        except (RuntimeError, MemoryError) as error:
            self.size = halved(len(part), error)
        return []


def halved(size: int, error: Exception) -> int:
    """Half the size if `error` says that memory ran out, and there is a half.

    Raises:
        MemoryError: when one alone does not fit; the error itself when it is another.
    """
    if not isinstance(error, MemoryError) and not out_of_memory(error):
        raise error
    if size == 1:
        raise MemoryError("Memory ran out with one example at a time.") from error
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()  # what is kept for pieces of one size is in the way of others
    return (size + 1) // 2
