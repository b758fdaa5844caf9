"""Tables as small plots, one for each column, each on a scale of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from variata.errors import DataError, ShapeError
from variata.pictures.arrays import as_array
from variata.pictures.figures import (
    BLUE,
    INK,
    ORANGE,
    SMALL,
    SOFT,
    TEXT,
    calm,
    new_figure,
    shared_legend,
    to_png,
)
from variata.pictures.maps import PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

MOST = 12  # columns in a picture
ACROSS = 4
FEW = 12  # rows that are drawn one by one: they make no histogram
BINS = 24
WHOLE = 40  # whole numbers that get a bar each
EDGE = 0.005  # share of rows at either end that a histogram may leave out


def column_histograms(
    rows: ArrayLike | Tensor,
    columns: Sequence[str] | None = None,
    data: ArrayLike | Tensor | None = None,
    title: str = "",
    names: tuple[str, str] = ("samples", "data"),
) -> bytes:
    """Return how the values of every column are distributed, beside those of data: PNG bytes.

    Heights are shares of rows; the outermost values of long tails lie outside. Twelve rows or
    fewer are marks on the axis.

    Args:
        rows: (N, D). data: other rows (M, D) to compare with.
        columns: names of the D columns; at most twelve that vary are shown, and the title says so.
        title: what the rows are. names: of rows and data.

    Raises:
        ShapeError: not rows of one width. DataError: no row, or a value that is not finite.

    >>> column_histograms([[1.0, 2.0], [2.0, 5.0]], ["a", "b"], title="2 samples")[1:4]
    b'PNG'
    """
    ours = _rows(rows, columns)
    theirs = None if data is None else _rows(data, columns, ours.shape[1])
    both = ours if theirs is None else np.concatenate([ours, theirs])
    shown = varying(both)
    figure, plots = _panels(shown, columns, titled(title, len(shown), ours.shape[1]))
    for axes, column in zip(plots, shown, strict=True):
        bins = _bins(both[:, column], min(len(ours), len(both) - len(ours) or len(ours)))
        if theirs is not None:
            _histogram(axes, theirs[:, column], bins, BLUE, names[1])
        _histogram(axes, ours[:, column], bins, ORANGE, names[0], outline=theirs is not None)
        axes.xaxis.set_major_locator(_ticks(both[:, column]))
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
    if max(len(ours), len(both) - len(ours)) > FEW:
        figure.supylabel("share of rows", fontsize=TEXT, color=SOFT)
    if theirs is not None:
        shared_legend(figure, plots[0])
    return to_png(figure)


def column_scatter(
    rows: ArrayLike | Tensor,
    rebuilt: ArrayLike | Tensor,
    columns: Sequence[str] | None = None,
    title: str = "",
    names: tuple[str, str] = ("data", "reconstruction"),
) -> bytes:
    """Return reconstructions against data, column by column, as PNG bytes; a line where they agree.

    Args:
        rows, rebuilt: (N, D). columns, title: as in `column_histograms`. names: of the two.

    Raises:
        ShapeError: not rows of one shape. DataError: no row, or a value that is not finite.

    >>> column_scatter([[1.0, 2.0]], [[1.5, 2.0]])[1:4]
    b'PNG'
    """
    data, made = _rows(rows, columns), _rows(rebuilt, columns)
    if data.shape != made.shape:
        raise ShapeError(
            f"tables: expected reconstructions of shape {data.shape}, got {made.shape}."
        )
    shown = varying(data)
    figure, plots = _panels(shown, columns, titled(title, len(shown), data.shape[1]))
    size = float(np.clip(4_000 / len(data), 6, 24))
    for axes, column in zip(plots, shown, strict=True):
        x, y = data[:, column], made[:, column]
        ends = _widened(min(x.min(), y.min()), max(x.max(), y.max()))
        axes.plot(ends, ends, color=SOFT, lw=0.9, zorder=1)
        axes.scatter(x, y, s=size, color=BLUE, alpha=0.6, linewidths=0, zorder=2)
        axes.set(xlim=ends, ylim=ends)
    figure.supxlabel(names[0], fontsize=TEXT, color=SOFT)
    figure.supylabel(names[1], fontsize=TEXT, color=SOFT)
    return to_png(figure)


def column_paths(
    paths: ArrayLike | Tensor,
    columns: Sequence[str] | None = None,
    scale: ArrayLike | None = None,
    title: str = "",
) -> bytes:
    """Return the values of every column along paths from one example to another, as PNG bytes.

    Args:
        paths: (P, T, D): P paths of T steps; at most ten are drawn.
        columns: names. scale: of each column, (D,): the columns shown are those that change most
            beside it. title: what the paths are.

    Raises:
        ShapeError: not (P, T, D). DataError: no path, or a value that is not finite.

    >>> column_paths([[[1.0, 2.0], [3.0, 4.0]]], ["a", "b"])[1:4]
    b'PNG'
    """
    lines = as_array(paths).astype(float)
    if lines.ndim != 3:
        raise ShapeError(f"tables: expected paths (P, T, D), got shape {lines.shape}.")
    _rows(lines.reshape(-1, lines.shape[2]), columns)
    lines = lines[: len(PALETTE)]
    change = np.ptp(lines, axis=1).max(0) / (1.0 if scale is None else as_array(scale))
    shown = np.sort(np.argsort(-change, kind="stable")[:MOST]).tolist()
    figure, plots = _panels(shown, columns, titled(title, len(shown), lines.shape[2], "change"))
    at = np.linspace(0, 1, lines.shape[1])
    for axes, column in zip(plots, shown, strict=True):
        axes.set_xticks([0, 0.5, 1])
        for i, line in enumerate(lines):
            axes.plot(
                at, line[:, column], color=PALETTE[i], label=f"path {i + 1}", lw=1.4,
                marker="o", ms=3, markevery=[0, -1],
            )  # fmt: skip
    for axes in plots[-ACROSS:]:
        axes.set_xlabel("share of the path", fontsize=SMALL, color=SOFT)
    shared_legend(figure, plots[0])
    return to_png(figure)


def varying(values: np.ndarray, most: int = MOST) -> list[int]:
    """Return the first columns of (N, D) that have more than one value; else the first of all.

    >>> varying(np.array([[1, 2, 3], [1, 5, 4]]))
    [1, 2]
    """
    found = np.flatnonzero(np.ptp(values, axis=0) > 0)
    return (found if len(found) else np.arange(values.shape[1]))[:most].tolist()


def titled(title: str, shown: int, total: int, by: str = "") -> str:
    """Return a title that says how many columns of how many are shown, and by what chosen.

    >>> titled("9 samples", 12, 30), titled("", 1, 1), titled("", 12, 30, "change")
    ('9 samples, 12 of 30 columns', '1 column', '12 of 30 columns (those that change most)')
    """
    plural = "" if total == 1 else "s"
    told = f"{total} column{plural}" if shown == total else f"{shown} of {total} column{plural}"
    chosen = f" (those that {by} most)" if by and shown < total else ""
    return f"{title}, {told}{chosen}" if title else f"{told}{chosen}"


def column_label(column: int, columns: Sequence[str] | None, longest: int = 30) -> str:
    """Return the name of a column, cut where it is too long.

    >>> column_label(0, None), column_label(0, ["a rather long name"], 9)
    ('column 0', 'a rather…')
    """
    name = f"column {column}" if columns is None else str(columns[column])
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def _panels(
    shown: Sequence[int], columns: Sequence[str] | None, title: str
) -> tuple[Figure, list[Axes]]:
    across = min(ACROSS, len(shown))
    down = math.ceil(len(shown) / across)
    figure = new_figure(max(2.6 * across, 5), 1.95 * down + 0.9)
    figure.set_layout_engine("constrained", h_pad=0.08, w_pad=0.08)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, color=INK)
    plots = [figure.add_subplot(down, across, i + 1) for i in range(len(shown))]
    for axes, column in zip(plots, shown, strict=True):
        calm(axes)
        axes.set_title(column_label(column, columns), fontsize=TEXT, color=INK, loc="left", pad=5)
        axes.tick_params(labelsize=SMALL - 0.5)
        axes.xaxis.set_major_locator(_ticks())
        axes.yaxis.set_major_locator(_ticks())
    return figure, plots


def _ticks(values: np.ndarray | None = None) -> MaxNLocator:
    """Few ticks; at whole numbers only where all values are."""
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(4, integer=values is not None and _whole(values))


def _whole(values: np.ndarray) -> bool:
    return bool((values == np.rint(values)).all())


def _histogram(
    axes: Axes, values: np.ndarray, bins: np.ndarray, colour: str, name: str, outline: bool = False
) -> None:
    if len(values) <= FEW:
        low, above = np.full(len(values), 0.09), axes.get_xaxis_transform()
        axes.plot(values, low, "|", color=colour, label=name, ms=14, mew=1.6, transform=above)
        return
    style: dict[str, Any] = (
        {"histtype": "step", "linewidth": 1.5} if outline else {"alpha": 0.6, "linewidth": 0}
    )
    weights = np.full(len(values), 1 / len(values))
    axes.hist(values, bins.tolist(), weights=weights, color=colour, label=name, **style)


def _bins(values: np.ndarray, rows: int) -> np.ndarray:
    """Edges of bars over values; the fewer rows make a histogram, the wider."""
    low, high = float(values.min()), float(values.max())
    if high - low <= WHOLE and _whole(values):
        return np.arange(low - 0.5, high + 1)
    first, last = np.quantile(values, [EDGE, 1 - EDGE]).tolist()
    first, last = (first, last) if first < last else _widened(low, high)
    return np.linspace(first, last, int(np.clip(1.5 * rows**0.5, 8, BINS)) + 1)


def _widened(low: float, high: float) -> tuple[float, float]:
    room = 0.05 * (high - low) or 0.5 * max(1e-6, abs(high)) or 0.5
    return low - room, high + room


def _rows(
    values: ArrayLike | Tensor, columns: Sequence[str] | None, width: int | None = None
) -> np.ndarray:
    rows = as_array(values).astype(float)
    if rows.ndim != 2 or rows.shape[1] != (width or rows.shape[1]):
        raise ShapeError(f"tables: expected rows (N, {width or 'D'}), got shape {rows.shape}.")
    if columns is not None and len(columns) != rows.shape[1]:
        raise ShapeError(f"tables: expected {rows.shape[1]} column names, got {len(columns)}.")
    if rows.size == 0 or not np.isfinite(rows).all():
        raise DataError("tables: expected at least one row, and finite values only.")
    return rows
