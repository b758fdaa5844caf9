"""Functions as tables of whole numbers that every machine makes alike.

`exp` and `erf` of torch, numpy and C libraries differ in their last bits between processors and
versions. `decimal` rounds correctly by specification; between its values there is a straight line,
reckoned in single operations of IEEE 754, which are the same everywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import cache

import numpy as np
from numpy.typing import NDArray

from variata.conditionals.posterior import LOG_SCALE_BOUND

Array = NDArray[np.float64]
ONE = 2**40  # what stands for probability one
PER_UNIT = 2**7  # values of a table between x and x + 1
DIGITS = 40
PI = Decimal("3.14159265358979323846264338327950288419716939937510582")
LOGISTIC_REACH, NORMAL_REACH, SCALE_REACH = 16, 8, 16


@dataclass(frozen=True)
class Table:
    """Values of a function at evenly spaced places from -reach to reach.

    >>> logistic()(np.array([0.0, 100.0])) / ONE > np.array([0.49, 0.99])
    array([ True,  True])
    """

    values: Array

    def __call__(self, x: Array) -> Array:
        """The function at x, never falling where its values do not; constant beyond the reach."""
        last = len(self.values) - 1
        place = np.clip(x * PER_UNIT + last // 2, 0, last)
        left = np.minimum(place.astype(np.int64), last - 1)
        low = self.values[left]
        return low + (self.values[left + 1] - low) * (place - left)

    def where(self, level: Array) -> Array:
        """The inverse of a rising function, at levels between its ends."""
        left = np.searchsorted(self.values, level, side="right") - 1
        left = np.clip(left, 0, len(self.values) - 2)
        low = self.values[left]
        place = left + (level - low) / (self.values[left + 1] - low)
        return (place - len(self.values) // 2) / PER_UNIT


@cache
def logistic() -> Table:
    """1 / (1 + exp(-x)) in units of 1 / ONE."""
    return _odd(lambda x: 1 / (1 + (-x).exp()), LOGISTIC_REACH)


@cache
def normal() -> Table:
    """The cumulative function of N(0, 1) in units of 1 / ONE."""
    return _odd(_normal, NORMAL_REACH)


@cache
def inverse_scale() -> Table:
    """1 / scale of a Gaussian posterior by the raw output, in units of 1 / ONE."""
    bound = Decimal(LOG_SCALE_BOUND)

    def above(x: Decimal) -> Decimal:
        e = (-2 * x / bound).exp()
        return (bound * (1 - e) / (1 + e)).exp()

    with localcontext() as context:
        context.prec = DIGITS
        scales = [above(x) for x in _places(SCALE_REACH)]
        values = [scale * ONE for scale in scales[:0:-1]] + [ONE / scale for scale in scales]
        return Table(_whole(values))


@cache
def digest() -> str:
    """SHA-256 of all tables, in hexadecimal."""
    kept = hashlib.sha256()
    for table in (logistic(), normal(), inverse_scale()):
        kept.update(table.values.astype("<i8").tobytes())
    return kept.hexdigest()


def _odd(function: Callable[[Decimal], Decimal], reach: int) -> Table:
    """The table of a function whose values at x and -x sum to one."""
    with localcontext() as context:
        context.prec = DIGITS
        upper = _whole([function(x) * ONE for x in _places(reach)])
    return Table(np.concatenate([ONE - upper[:0:-1], upper]))


def _normal(x: Decimal) -> Decimal:
    """1/2 + density(x) * (x + x^3 / 3 + x^5 / (3 * 5) + ...), whose terms are all positive."""
    term, total, odd = x, x, 1
    while term > Decimal(10) ** -DIGITS:
        odd += 2
        term *= x * x / odd
        total += term
    return Decimal("0.5") + total * (-x * x / 2).exp() / (2 * PI).sqrt()


def _places(reach: int) -> list[Decimal]:
    return [Decimal(i) / PER_UNIT for i in range(reach * PER_UNIT + 1)]


def _whole(values: list[Decimal]) -> Array:
    return np.array([int(value.to_integral_value()) for value in values], dtype=np.float64)
