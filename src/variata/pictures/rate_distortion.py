"""Rate against distortion: the plane in which bounds of models are compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from variata.errors import DataError
from variata.pictures.figures import (
    FAINT,
    INK,
    SMALL,
    SOFT,
    calm,
    new_figure,
    shared_legend,
    to_png,
)
from variata.pictures.maps import PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINES = 6  # of equal ELBO
LABELLED = 30  # points; more are not named

Point = tuple[float, float, str]  # rate, distortion, label


def rate_distortion(
    groups: Mapping[str, Sequence[Point]], front: Sequence[tuple[float, float]] = ()
) -> bytes:
    """Return rate against distortion, with lines of equal ELBO behind them: PNG bytes.

    Fixing a Broken ELBO, Alemi et al., 2018, arXiv 1711.00464.

    Args:
        groups: name -> points (rate, distortion, label), nats; those of a group share a line.
        front: the points (rate, distortion) that no other beats, which a dashed line joins.

    Raises:
        DataError: no point.

    >>> rate_distortion({"latent 4": [(1.0, 9.0, "beta 4"), (3.0, 6.0, "beta 1")]})[1:4]
    b'PNG'
    """
    points = [point for group in groups.values() for point in group]
    if not points:
        raise DataError("rate-distortion: expected at least one point, got none.")
    figure = new_figure(7.2, 5.4)
    figure.set_layout_engine("constrained", h_pad=0.1, w_pad=0.1)
    axes = calm(figure.add_subplot(), "", "rate, nats", "distortion, nats")
    for i, (name, group) in enumerate(groups.items()):
        across, down = [point[0] for point in group], [point[1] for point in group]
        joined = "-" if len(groups) > 1 else ""
        colour = PALETTE[i % len(PALETTE)]
        axes.plot(across, down, joined, marker="o", ms=5.5, lw=1.2, color=colour, label=name)
    axes.margins(0.14)
    _equal_elbo(axes, points)
    if len(front) > 1:
        across, down = zip(*sorted(front), strict=True)
        axes.plot(across, down, "--", color=INK, lw=1, zorder=1, label="front")
    for rate, distortion, label in points if len(points) <= LABELLED else ():
        axes.annotate(
            label, (rate, distortion), (6, 4), textcoords="offset points", fontsize=SMALL, color=INK
        )
    shared_legend(figure, axes)
    return to_png(figure)


def _equal_elbo(axes: Axes, points: Sequence[Point]) -> None:
    """Faint lines on which rate + distortion is the same; the lowest goes through the best."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    sums = [rate + distortion for rate, distortion, _ in points]
    best, far = min(sums), max(max(sums), right + high)
    for i, level in enumerate(np.linspace(best, far, LINES)):
        style = {"color": SOFT if i == 0 else FAINT, "lw": 1.0, "zorder": 0}
        name = f"-ELBO {best:,.1f}, the best" if i == 0 else None
        axes.plot([left, right], [level - left, level - right], label=name, **style)
    axes.set(xlim=(left, right), ylim=(low, high))
