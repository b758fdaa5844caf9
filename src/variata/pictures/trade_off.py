"""What quality costs, for several models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from variata.errors import DataError
from variata.pictures.curves import focus
from variata.pictures.figures import FAINT, calm, new_figure, shared_legend, to_png
from variata.pictures.maps import MARKERS, PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDE, FAR = 20.0, 1_000.0  # ratios of values: logarithmic axes, and those with few ticks

Figure = tuple[float, float | None]  # with its error


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
    if not names:
        raise DataError("trade-offs: expected at least one model to show, got none.")
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
