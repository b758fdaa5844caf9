"""Vectors as lines, where columns are points of one axis: spectra, series, flattened pictures."""

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
    BLUE,
    INK,
    ORANGE,
    SMALL,
    calm,
    new_figure,
    shades,
    shared_legend,
    to_png,
)
from variata.pictures.reconstruct import by_rate, dimension_name, short_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GRID, PAIR = 3, 2  # plots beside each other: of single lines, of families of lines


def profile_grid(
    rows: ArrayLike | Tensor,
    rebuilt: ArrayLike | Tensor | None = None,
    title: str = "",
    at: Sequence[float] | None = None,
    names: tuple[str, str] = ("data", "reconstruction"),
) -> bytes:
    """Return vectors as small line plots, one per example, with one scale for all: PNG bytes.

    Args:
        rows: examples (N, D); a dozen are readable.
        rebuilt: reconstructions (N, D), drawn dashed over the rows.
        title: what the rows are. at: where the D values lie, such as wavelengths; 0, 1, ... else.
        names: of rows and reconstructions.

    Raises:
        ShapeError: not vectors, or reconstructions or places of another width.
        DataError: no example, or a value that is not finite.

    >>> profile_grid([[1.0, 2.0, 4.0]], at=[400, 410, 420])[1:4]
    b'PNG'
    """
    lines = _vectors(rows)
    others = None if rebuilt is None else _vectors(rebuilt)
    if others is not None and others.shape != lines.shape:
        raise ShapeError(
            f"profiles: expected reconstructions of shape {lines.shape}, got {others.shape}."
        )
    places = _places(lines.shape[1], at)
    figure, plots = _small_multiples(len(lines), GRID, at is not None, title)
    for i, axes in enumerate(plots):
        axes.set_title(f"example {i + 1}", fontsize=SMALL + 2, color=INK, loc="left")
        axes.plot(places, lines[i], color=BLUE, label=names[0], lw=1.4)
        if others is not None:
            axes.plot(places, others[i], "--", color=ORANGE, label=names[1], lw=1.4)
    if others is not None:
        shared_legend(figure, plots[0])
    return to_png(figure)


def profile_traversal(
    lines: ArrayLike | Tensor,
    dims: Sequence[int],
    rates: Sequence[float],
    values: Sequence[float],
    at: Sequence[float] | None = None,
) -> bytes:
    """Return what each latent dimension does to a vector, as PNG bytes: highest rate first.

    Args:
        lines: decoded (R, V, D); row r moves dimension dims[r] through the V values.
        dims, rates, values: as in `traversal`. at: as in `profile_grid`.

    Raises:
        ShapeError: not (R, V, D). DataError: a value that is not finite.
    """
    moved = as_array(lines).astype(float)
    if moved.ndim != 3 or moved.shape[:2] != (len(dims), len(values)) or len(rates) != len(dims):
        raise ShapeError(
            f"traversal: expected lines ({len(dims)}, {len(values)}, D), got {moved.shape}."
        )
    order = by_rate(rates)
    names = [dimension_name(dims[row], rates[row]) for row in order]
    return _families(moved[order], names, [f"z = {short_number(v)}" for v in values], at)


def profile_paths(paths: ArrayLike | Tensor, at: Sequence[float] | None = None) -> bytes:
    """Return paths from one vector to another, one plot each and a line for every step: PNG bytes.

    Args:
        paths: decoded (P, T, D): P paths of T steps. at: as in `profile_grid`.

    Raises:
        ShapeError: not (P, T, D). DataError: no path, or a value that is not finite.

    >>> profile_paths([[[1.0, 2.0, 4.0], [2.0, 2.0, 3.0]]])[1:4]
    b'PNG'
    """
    lines = as_array(paths).astype(float)
    if lines.ndim != 3:
        raise ShapeError(f"profiles: expected paths (P, T, D), got shape {lines.shape}.")
    steps = [f"step {short_number(share)}" for share in np.linspace(0, 1, lines.shape[1])]
    return _families(lines, [f"path {i + 1}" for i in range(len(lines))], steps, at)


def _families(
    lines: np.ndarray, names: Sequence[str], steps: Sequence[str], at: Sequence[float] | None
) -> bytes:
    """Plots by name, each with V lines from dark to light: lines (R, V, D)."""
    _vectors(lines.reshape(-1, lines.shape[2]))
    places = _places(lines.shape[2], at)
    figure, plots = _small_multiples(len(lines), PAIR, at is not None)
    colours = shades(len(steps))
    for axes, name, family in zip(plots, names, lines, strict=True):
        axes.set_title(name, fontsize=SMALL + 2, color=INK, loc="left")
        for line, step, colour in zip(family, steps, colours, strict=True):
            axes.plot(places, line, color=colour, label=step, lw=1.4)
    shared_legend(figure, plots[0])
    return to_png(figure)


def _small_multiples(
    count: int, across: int, named: bool, title: str = ""
) -> tuple[Figure, list[Axes]]:
    across = min(across, count)
    down = math.ceil(count / across)
    figure = new_figure(max(3.3 * across, 5), 1.75 * down + 0.6)
    figure.set_layout_engine("constrained", h_pad=0.08, w_pad=0.08)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, color=INK)
    plots: list[Axes] = []
    for i in range(count):
        first = plots[0] if plots else None
        axes = figure.add_subplot(down, across, i + 1, sharex=first, sharey=first)
        bottom = i + across >= count
        under = ("name of the column" if named else "column") if bottom else ""
        calm(axes, "", under, "value" if i % across == 0 else "")
        axes.tick_params(labelbottom=bottom)
        plots.append(axes)
    return figure, plots


def _places(width: int, at: Sequence[float] | None) -> np.ndarray:
    places = np.arange(width) if at is None else np.asarray(at, dtype=float)
    if places.shape != (width,):
        raise ShapeError(f"profiles: expected {width} places, one per value, got {len(places)}.")
    return places


def _vectors(values: ArrayLike | Tensor) -> np.ndarray:
    lines = as_array(values).astype(float)
    if lines.ndim != 2:
        raise ShapeError(f"profiles: expected vectors (N, D), got shape {lines.shape}.")
    if len(lines) == 0 or not np.isfinite(lines).all():
        raise DataError("profiles: expected at least one example, and finite values only.")
    return lines
