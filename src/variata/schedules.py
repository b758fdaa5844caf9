"""Weights that change while training: a function of the moment, never of epochs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from variata.errors import UsageError


@dataclass(frozen=True)
class Moment:
    """Where training stands: the step, and the share of the planned training that is done.

    A share serves runs that end by epochs and runs that end by the clock alike.
    """

    step: int = 0
    progress: float = 0.0


Schedule = Callable[[Moment], float]


def constant(value: float) -> Schedule:
    """Always the same weight.

    >>> constant(4.0)(Moment(step=10))
    4.0
    """
    return lambda moment: value


def warm_up(share: float, to: float = 1.0) -> Schedule:
    """Rise linearly from 0 to `to` over the first `share` of training, then stay.

    Reference:
        Ladder Variational Autoencoders (Sønderby et al., 2016), arXiv:1602.02282

    >>> rise = warm_up(0.5, to=2.0)
    >>> [rise(Moment(progress=p)) for p in (0.0, 0.25, 0.5, 1.0)]
    [0.0, 1.0, 2.0, 2.0]
    """
    if not 0 <= share <= 1:
        raise UsageError(f"warm_up needs a share of training between 0 and 1, got {share}.")
    if share == 0:
        return constant(to)
    return lambda moment: to * _at_most(moment.progress / share, 1.0)


def cyclical(cycles: int = 4, rise: float = 0.5, to: float = 1.0) -> Schedule:
    """Rise linearly from 0 to `to` over the first `rise` of each cycle, then stay for its rest.

    The cycles divide the training evenly; it ends at `to`. One cycle is `warm_up`.

    Reference:
        Cyclical Annealing Schedule: A Simple Approach to Mitigating KL Vanishing (Fu et al.,
        2019), arXiv:1903.10145

    >>> again = cyclical(2, rise=0.5)
    >>> [again(Moment(progress=p)) for p in (0.0, 0.125, 0.25, 0.5, 0.625, 1.0)]
    [0.0, 0.5, 1.0, 0.0, 0.5, 1.0]
    """
    if cycles < 1:
        raise UsageError(f"cyclical needs at least one cycle, got {cycles}.")
    rising = warm_up(rise, to)
    return lambda moment: rising(Moment(moment.step, _within(cycles * moment.progress, cycles)))


def _within(position: float, cycles: int) -> float:
    """The share of its cycle that is done, at a position in cycles; the last one has an end."""
    return position - _at_most(position // 1, cycles - 1)


def _at_most(value: Any, most: float) -> Any:
    """The smaller one, also of a tensor, from which compiled steps read the moment."""
    return min(value, most) if isinstance(value, float | int) else value.clamp(max=most)
