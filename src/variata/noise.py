"""Noise that belongs to a row's place in the whole batch, never to the process that handles it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from torch import Size, Tensor

Generate = Callable[..., Tensor]


@dataclass(frozen=True)
class Place:
    """The rows at hand, as a part of a batch.

    Attributes:
        start, stop: the rows' positions in the batch.
        total: rows of the batch.

    >>> Place(4, 8, 10).share
    0.4
    """

    start: int
    stop: int
    total: int

    @property
    def share(self) -> float:
        """Of the batch."""
        return (self.stop - self.start) / self.total

    def within(self, start: int, stop: int) -> Place:
        """The place of some of these rows, by their positions among them."""
        return Place(self.start + start, self.start + stop, self.total)


_here: Place | None = None
_source: Generate | None = None


@contextmanager
def drawn_by(source: Generate) -> Iterator[None]:
    """Take all noise from a source, which is asked as `noise` is.

    >>> import torch
    >>> with drawn_by(lambda generate, shape, event_dim: torch.zeros(shape)):
    ...     noise(torch.rand, Size((2,)), 1)
    tensor([0., 0.])
    """
    global _source
    before, _source = _source, source
    try:
        yield
    finally:
        _source = before


@contextmanager
def placed(place: Place) -> Iterator[None]:
    """Draw, for these rows, the noise that they have in the whole batch.

    >>> import torch
    >>> def drawn(rows):
    ...     _ = torch.manual_seed(0)
    ...     return noise(torch.randn, Size((3, rows, 2)), 1)
    >>> whole = drawn(10)
    >>> with placed(Place(4, 8, 10)):
    ...     part = drawn(4)
    >>> bool((part == whole[:, 4:8]).all())
    True
    """
    global _here
    before, _here = _here, None if place.share == 1 else place
    try:
        yield
    finally:
        _here = before


def rows_at_hand(rows: int) -> Place:
    """The place of the rows at hand: all of a batch, unless `placed` says otherwise."""
    return _here or Place(0, rows, rows)


def noise(generate: Generate, shape: Size, event_dim: int, **options: object) -> Tensor:
    """Random numbers (..., B, *event) that depend on the rows' places in their batch.

    Args:
        generate: such as `torch.randn`.
        shape: wanted; the dimension before the event is that of the rows.
        event_dim: dimensions of the event.
        options: dtype, device.
    """
    if _source is not None:
        return _source(generate, shape, event_dim, **options)
    axis = len(shape) - event_dim - 1
    if _here is None or axis < 0 or shape[axis] != _here.stop - _here.start:
        return generate(shape, **options)
    whole = (*shape[:axis], _here.total, *shape[axis + 1 :])
    return generate(whole, **options).narrow(axis, _here.start, shape[axis])
