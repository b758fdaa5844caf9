"""Several models beside each other: their samples, and what quality costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from variata.errors import DataError
from variata.pictures.arrays import as_array
from variata.pictures.curves import focus
from variata.pictures.figures import (
    BLUE,
    DPI,
    FAINT,
    GREY,
    INK,
    TEXT,
    calm,
    new_figure,
    shared_legend,
    to_png,
)
from variata.pictures.grid import grid
from variata.pictures.maps import MARKERS, PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Figure = tuple[float, float | None]  # with its error

ACROSS = 4  # panels in a row
COLUMNS = 6  # images in a row of a panel
GAP, HEAD = 22, 40  # pixels between panels, and above each
WIDE, FAR = 20.0, 1_000.0  # ratios of values: logarithmic axes, and those with few ticks


def image_panels(named: Mapping[str, ArrayLike | Tensor]) -> bytes:
    """Return the images of every model as a grid of its own, with its name above: PNG bytes.

    Args:
        named: name -> images (N, C, H, W) in [0, 1], of one size and number.

    Raises:
        DataError: nothing to show.

    >>> image_panels({"data": np.zeros((2, 1, 8, 8)), "vae": np.ones((2, 1, 8, 8))})[1:4]
    b'PNG'
    """
    _refuse_none(named)
    cells = {name: _coloured(grid(images, COLUMNS)) for name, images in named.items()}
    height, width = next(iter(cells.values())).shape[:2]
    across = min(ACROSS, len(cells))
    down = -(-len(cells) // across)
    whole = (across * (width + GAP) + GAP, down * (height + HEAD) + GAP)
    figure = new_figure(whole[0] / DPI, whole[1] / DPI)
    for i, (name, cell) in enumerate(cells.items()):
        left = GAP + i % across * (width + GAP)
        top = whole[1] - i // across * (height + HEAD) - HEAD
        figure.figimage(cell[::-1], left, top - height, origin="lower")  # at whole pixels
        figure.text(left / whole[0], (top + 10) / whole[1], name, fontsize=TEXT, color=INK)
    return to_png(figure)


def point_panels(
    named: Mapping[str, ArrayLike | Tensor], data: ArrayLike | Tensor, axes: tuple[str, str]
) -> bytes:
    """Return the points of every model over those of the data, in the same frame: PNG bytes.

    Args:
        named: name -> points (N, 2). data: points (M, 2). axes: names of both coordinates.

    Raises:
        DataError: nothing to show.

    >>> point_panels({"vae": [[0.0, 1.0]]}, [[1.0, 0.0]], ("a", "b"))[1:4]
    b'PNG'
    """
    _refuse_none(named)
    known = as_array(data).astype(float)
    low, high = np.quantile(known, [0.002, 0.998], axis=0)
    room = 0.12 * (high - low) + 1e-9
    across = min(ACROSS, len(named))
    down = -(-len(named) // across)
    figure = new_figure(2.5 * across, 2.6 * down + 0.4)
    figure.set_layout_engine("constrained", h_pad=0.06, w_pad=0.06)
    for i, (name, points) in enumerate(named.items()):
        below, left = i >= len(named) - across, i % across == 0
        labels = axes[0] if below else "", axes[1] if left else ""
        plot = calm(figure.add_subplot(down, across, i + 1), name, *labels)
        plot.scatter(*known.T, s=5, color=GREY, alpha=0.6, linewidths=0, label="data")
        plot.scatter(
            *as_array(points).astype(float).T,
            s=5, color=BLUE, alpha=0.6, linewidths=0, label="samples",
        )  # fmt: skip
        plot.set(
            xlim=(low[0] - room[0], high[0] + room[0]), ylim=(low[1] - room[1], high[1] + room[1])
        )
        plot.set_xticks([])
        plot.set_yticks([])
    shared_legend(figure, figure.axes[0])
    return to_png(figure)


@dataclass(frozen=True)
class TradeOff:
    """One plot: a mark or a line for each model.

    Attributes:
        title, x, y: of the plot and of its axes, with units.
        points: name -> ((x, its error), (y, its error)); errors may be None.
        lines: name -> points (x, y) of a line.
    """

    title: str
    x: str
    y: str
    points: Mapping[str, tuple[Figure, Figure]] = field(default_factory=dict)
    lines: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Of all models in it."""
        return list(dict.fromkeys([*self.points, *self.lines]))

    def values(self, which: int) -> list[float]:
        """All along one axis."""
        marks = [pair[which][0] for pair in self.points.values()]
        return marks + [point[which] for line in self.lines.values() for point in line]


def trade_offs(plots: Sequence[TradeOff]) -> bytes:
    """Return quality against cost, a plot for each measure of quality: PNG bytes.

    A model has the same mark in all plots. Axes whose values differ widely are logarithmic.

    Raises:
        DataError: nothing to show.

    >>> trade_offs([TradeOff("t", "s", "d", {"vae": ((1.0, None), (2.0, 0.1))})])[1:4]
    b'PNG'
    """
    names = list(dict.fromkeys(name for plot in plots for name in plot.names))
    _refuse_none(names)
    across = min(2, len(plots))
    down = -(-len(plots) // across)
    figure = new_figure(4.8 * across, 3.9 * down + 0.5)
    figure.set_layout_engine("constrained", h_pad=0.1, w_pad=0.1)
    for i, plot in enumerate(plots):
        axes = calm(figure.add_subplot(down, across, i + 1), plot.title, plot.x, plot.y)
        axes.xaxis.grid(True, color=FAINT, linewidth=0.6)
        for name in plot.names:
            _draw(axes, plot, name, names.index(name))
        if plot.points:
            _scale(axes, plot)
        else:
            focus(axes)
    most = max(range(len(plots)), key=lambda i: len(plots[i].names))
    shared_legend(figure, figure.axes[most])
    return to_png(figure)


def _draw(axes: Axes, plot: TradeOff, name: str, number: int) -> None:
    style: dict[str, Any] = {"color": PALETTE[number % len(PALETTE)], "label": name}
    marker = MARKERS[number // len(PALETTE) % len(MARKERS)]
    if name in plot.points:
        (x, x_error), (y, y_error) = plot.points[name]
        bars = {"xerr": x_error, "yerr": y_error, "elinewidth": 1.1, "capsize": 2}
        axes.errorbar(x, y, fmt=marker, ms=6.5, **bars, **style)
    else:
        axes.plot(*zip(*plot.lines[name], strict=True), lw=1.5, marker=marker, ms=3, **style)


def _scale(axes: Axes, plot: TradeOff) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter

    for which, set_scale in enumerate((axes.set_xscale, axes.set_yscale)):
        values = plot.values(which)
        if min(values) > 0 and max(values) > WIDE * min(values):
            set_scale("log")
            axis = (axes.xaxis, axes.yaxis)[which]
            few = (1.0,) if max(values) > FAR * min(values) else (1.0, 2.0, 5.0)
            axis.set_major_locator(LogLocator(subs=few))
            axis.set_major_formatter(lambda at, _: f"{at:g}")
            axis.set_minor_formatter(NullFormatter())


def _coloured(image: np.ndarray) -> np.ndarray:
    return image if image.ndim == 3 else image[..., None].repeat(3, -1)


def _refuse_none(named: Sequence[str] | Mapping[str, object]) -> None:
    if not named:
        raise DataError("comparison: expected at least one model to show, got none.")
