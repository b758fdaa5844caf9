"""Vectors as lines: what a grid of images is for images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from variata.errors import DataError, ShapeError
from variata.pictures.arrays import as_array
from variata.pictures.figures import BLUE, FAINT, INK, ORANGE, SMALL, calm, new_figure, to_png
from variata.pictures.reconstruct import by_rate, dimension_name, short_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAMED = 24  # columns whose names still fit on an axis


def profile_grid(
    rows: ArrayLike | Tensor,
    columns: Sequence[str] | None = None,
    rebuilt: ArrayLike | Tensor | None = None,
    title: str = "",
    ylabel: str = "value",
    across: int = 3,
) -> bytes:
    """Return vectors as small line plots, one per example, with one scale for all: PNG bytes.

    Args:
        rows: examples (N, D); a dozen are readable.
        columns: names of the D values, shown where they fit.
        rebuilt: reconstructions (N, D), drawn dashed over the rows.
        ylabel: what the values are, with their unit. across: plots per row.

    Raises:
        ShapeError: not vectors, or reconstructions or names of another width.
        DataError: no example, or a value that is not finite.

    >>> profile_grid([[1.0, 2.0, 4.0]], columns=["a", "b", "c"])[1:4]
    b'PNG'
    """
    lines = _vectors(rows)
    others = None if rebuilt is None else _vectors(rebuilt)
    _check(lines, others, columns)
    figure, plots = _small_multiples(len(lines), min(across, len(lines)), columns, title)
    for i, axes in enumerate(plots):
        calm(axes, f"example {i + 1}", "", ylabel if i % across == 0 else "")
        _line(axes, lines[i], BLUE, "data")
        if others is not None:
            _line(axes, others[i], ORANGE, "reconstruction", dashed=True)
        _name_columns(axes, lines.shape[1], columns, bottom=i + across >= len(plots))
    if others is not None:
        _shared_legend(figure, plots[0])
    return to_png(figure)


def profile_traversal(
    lines: ArrayLike | Tensor,
    dims: Sequence[int],
    rates: Sequence[float],
    values: Sequence[float],
    columns: Sequence[str] | None = None,
    ylabel: str = "value",
    across: int = 2,
) -> bytes:
    """Return what each latent dimension does to a vector, as PNG bytes: highest rate first.

    Args:
        lines: decoded (R, V, D); row r moves dimension dims[r] through the V values.
        dims, rates, values: as in `traversal`. columns, ylabel: as in `profile_grid`.

    Raises:
        ShapeError: not (R, V, D). DataError: a value that is not finite.
    """
    moved = as_array(lines).astype(float)
    if moved.ndim != 3 or moved.shape[:2] != (len(dims), len(values)) or len(rates) != len(dims):
        raise ShapeError(
            f"traversal: expected lines ({len(dims)}, {len(values)}, D), got {moved.shape}."
        )
    _check(_vectors(moved.reshape(-1, moved.shape[2])), None, columns)
    figure, plots = _small_multiples(len(moved), min(across, len(moved)), columns, "")
    shades = _shades(len(values))
    for i, (axes, row) in enumerate(zip(plots, by_rate(rates), strict=True)):
        calm(axes, dimension_name(dims[row], rates[row]), "", ylabel if i % across == 0 else "")
        for line, value, shade in zip(moved[row], values, shades, strict=True):
            _line(axes, line, shade, f"z = {short_number(value)}")
        _name_columns(axes, moved.shape[2], columns, bottom=i + across >= len(plots))
    _shared_legend(figure, plots[0])
    return to_png(figure)


def _small_multiples(
    count: int, across: int, columns: Sequence[str] | None, title: str
) -> tuple[Figure, list[Axes]]:
    down = math.ceil(count / across)
    names = max((len(c) for c in columns or ()), default=0)
    # An unfinished last row leaves two rows of plots with names under them.
    named = 0.075 * min(names, 18) * (2 if count % across else 1)
    figure = new_figure(max(3.3 * across, 5), 1.75 * down + named + 0.6)
    figure.set_layout_engine("constrained", h_pad=0.08, w_pad=0.08)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, color=INK)
    first = figure.add_subplot(down, across, 1)
    rest = [
        figure.add_subplot(down, across, i + 1, sharex=first, sharey=first) for i in range(1, count)
    ]
    return figure, [first, *rest]


def _line(axes: Axes, line: np.ndarray, colour, label: str, dashed: bool = False) -> None:
    style = "--" if dashed else "-"
    dot = "o" if len(line) <= NAMED else ""
    at = np.arange(len(line))
    axes.plot(at, line, style, color=colour, label=label, lw=1.4, marker=dot, ms=3)


def _name_columns(axes: Axes, width: int, columns: Sequence[str] | None, bottom: bool) -> None:
    """Name the columns under the lowest plots only; those above share them."""
    if width <= NAMED:
        axes.xaxis.grid(True, color=FAINT, linewidth=0.4)
        axes.set_xticks(range(width))
    if not bottom:
        axes.tick_params(labelbottom=False)
    elif columns is None or width > NAMED:
        axes.set_xlabel("column", fontsize=SMALL)
    else:
        short = [name if len(name) <= 18 else name[:17] + "…" for name in columns]
        turn = 0 if sum(map(len, short)) <= 20 else 90
        axes.set_xticks(range(width), short, rotation=turn, fontsize=SMALL - 0.5)


def _shared_legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=_legend_columns(figure, labels),
        fontsize=SMALL,
        frameon=False,
        labelcolor=INK,
    )


def _legend_columns(figure: Figure, labels: list[str]) -> int:
    each = 0.6 + 0.075 * max(map(len, labels))
    fit = max(1, int(figure.get_size_inches()[0] / each))
    return math.ceil(len(labels) / math.ceil(len(labels) / fit))


def _shades(count: int) -> list[tuple[float, ...]]:
    from matplotlib import colormaps

    return [colormaps["viridis"](at) for at in np.linspace(0.0, 0.88, count)]


def _vectors(values: ArrayLike | Tensor) -> np.ndarray:
    lines = as_array(values).astype(float)
    if lines.ndim != 2:
        raise ShapeError(f"profiles: expected vectors (N, D), got shape {lines.shape}.")
    if len(lines) == 0 or not np.isfinite(lines).all():
        raise DataError("profiles: expected at least one example, and finite values only.")
    return lines


def _check(lines: np.ndarray, others: np.ndarray | None, columns: Sequence[str] | None) -> None:
    if others is not None and others.shape != lines.shape:
        raise ShapeError(
            f"profiles: expected reconstructions of shape {lines.shape}, got {others.shape}."
        )
    if columns is not None and len(columns) != lines.shape[1]:
        raise ShapeError(f"profiles: expected {lines.shape[1]} column names, got {len(columns)}.")
