"""What each latent dimension does to the columns of a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from variata.errors import DataError, ShapeError
from variata.pictures.arrays import as_array
from variata.pictures.figures import (
    FAINT,
    GREY,
    INK,
    SMALL,
    SOFT,
    TEXT,
    calm,
    new_figure,
    shades,
    shared_legend,
    to_png,
)
from variata.pictures.reconstruct import by_rate, dimension_name, short_number
from variata.pictures.tables import column_label, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 6  # columns for each dimension
ACROSS = 2


def column_changes(
    lines: ArrayLike | Tensor,
    dims: Sequence[int],
    rates: Sequence[float],
    values: Sequence[float],
    columns: Sequence[str] | None = None,
    scale: ArrayLike | None = None,
) -> bytes:
    """Return how far each latent dimension moves the columns that it moves most: PNG bytes.

    Changes are from the value nearest to z = 0, dimensions by falling rate, all on one axis.

    Args:
        lines: decoded (R, V, D); row r moves dimension dims[r] through the V values.
        dims, rates, values: as in `traversal`.
        columns: names. scale: standard deviation of each column of the data, (D,), in which its
            change is measured; None for the columns' own units.

    Raises:
        ShapeError: lengths that do not fit together. DataError: a value that is not finite.

    >>> column_changes([[[1.0, 2.0], [1.0, 3.0]]], [7], [3.2], [0.0, 1.0], ["a", "b"])[1:4]
    b'PNG'
    """
    moved = as_array(lines).astype(float)
    _check(moved, dims, rates, values, columns)
    start = int(np.abs(np.asarray(values)).argmin())
    unit = np.ones(moved.shape[2]) if scale is None else as_array(scale)
    change = (moved - moved[:, start : start + 1]) / unit
    shown = min(MOST, moved.shape[2])
    down = math.ceil(len(moved) / ACROSS)
    figure = new_figure(4.9 * ACROSS, (0.22 * shown + 0.6) * down + 1.1)
    figure.set_layout_engine("constrained", h_pad=0.08, w_pad=0.08)
    title = titled("Each latent dimension", shown, moved.shape[2], "change")
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, color=INK)
    colours, first, at = shades(len(values)), None, by_rate(rates)
    for i, row in enumerate(at):
        first = axes = figure.add_subplot(down, ACROSS, i + 1, sharex=first)
        calm(axes)
        name = dimension_name(dims[row], rates[row])
        axes.set_title(name, fontsize=TEXT + 0.5, color=INK, loc="left", pad=5)
        _moves(axes, change[row], columns, shown, colours, values)
    units = "in own units" if scale is None else "in standard deviations"
    for axes in figure.axes[-ACROSS:]:
        label = f"change from z = {short_number(values[start])} {units}"
        axes.set_xlabel(label, fontsize=SMALL, color=SOFT)
    shared_legend(figure, figure.axes[0])
    return to_png(figure)


def _moves(
    axes: Axes,
    change: np.ndarray,
    columns: Sequence[str] | None,
    shown: int,
    colours: Sequence[tuple[float, ...]],
    values: Sequence[float],
) -> None:
    chosen = np.argsort(-np.abs(change).max(0), kind="stable")[:shown]
    places = np.arange(shown)
    ends = change[:, chosen].min(0), change[:, chosen].max(0)
    axes.yaxis.grid(False)
    axes.xaxis.grid(True, color=FAINT, linewidth=0.6)
    axes.axvline(0, color=SOFT, lw=0.8, zorder=1)
    axes.hlines(places, *ends, color=GREY, lw=1.2, zorder=2)
    for line, value, colour in zip(change, values, colours, strict=True):
        axes.plot(
            line[chosen], places, "o", color=colour, ms=4.5, mew=0, zorder=3,
            label=f"z = {short_number(value)}",
        )  # fmt: skip
    axes.set_yticks(places, [column_label(c, columns, 24) for c in chosen], fontsize=SMALL)
    axes.set_ylim(shown - 0.4, -0.6)


def _check(
    moved: np.ndarray,
    dims: Sequence[int],
    rates: Sequence[float],
    values: Sequence[float],
    columns: Sequence[str] | None,
) -> None:
    if moved.ndim != 3 or moved.shape[:2] != (len(dims), len(values)) or len(rates) != len(dims):
        raise ShapeError(
            f"changes: expected lines ({len(dims)}, {len(values)}, D), got {moved.shape}."
        )
    if columns is not None and len(columns) != moved.shape[2]:
        raise ShapeError(f"changes: expected {moved.shape[2]} column names, got {len(columns)}.")
    if moved.size == 0 or not np.isfinite(moved).all():
        raise DataError("changes: expected at least one dimension, and finite values only.")
