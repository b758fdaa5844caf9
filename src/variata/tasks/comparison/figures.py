"""A figure is a mean with its standard error over rows, where it is a mean over rows."""

from __future__ import annotations

Figure = dict[str, float | None]
Figures = dict[str, Figure]


def plain(value: float | None) -> Figure:
    """A figure that is no mean over rows.

    >>> plain(3.0)
    {'mean': 3.0, 'se': None}
    """
    return {"mean": value, "se": None}
