"""A figure is a mean with its standard error over rows, where it is a mean over rows."""

from __future__ import annotations

import math
from typing import TypedDict

from variata.metrics import Estimate


class Figure(TypedDict):
    """A mean, and its standard error, None where there is none."""

    mean: float
    se: float | None


Figures = dict[str, Figure]


def plain(value: float) -> Figure:
    """A figure that is no mean over rows.

    >>> plain(3.0)
    {'mean': 3.0, 'se': None}
    """
    return {"mean": value, "se": None}


def over_rows(found: Estimate) -> Figure:
    """A figure that is a mean over rows.

    >>> over_rows(Estimate(3.0, float("nan")))
    {'mean': 3.0, 'se': None}
    """
    return {"mean": found.mean, "se": found.se if math.isfinite(found.se) else None}
