"""Figures drawn without pyplot: nothing global is changed, and any backend may be in use."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

from variata.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, SOFT, FAINT = "#22272e", "#626b76", "#d9dde3"
BLUE, ORANGE, PURPLE, GREY = "#2f7fc1", "#e8890c", "#832db6", "#b8bec6"
SMALL, TEXT, TITLE = 8.5, 9.5, 11.0
DPI = 160


def new_figure(width: float, height: float, dpi: int = DPI) -> Figure:
    """Return a white figure of so many inches, with its own Agg canvas.

    >>> new_figure(4, 3).get_size_inches().tolist()
    [4.0, 3.0]
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError(
            "figures need matplotlib; install it with: pip install matplotlib"
        ) from error
    figure = Figure(figsize=(width, height), dpi=dpi, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def to_png(figure: Figure) -> bytes:
    """Return the figure as the bytes of a PNG file; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=figure.dpi, metadata={"Software": None})
    return buffer.getvalue()


def calm(axes: Axes, title: str = "", xlabel: str = "", ylabel: str = "") -> Axes:
    """Give axes the house style: two thin spines, a faint horizontal grid, legible labels."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(SOFT)
        axes.spines[side].set_linewidth(0.8)
    axes.tick_params(colors=SOFT, labelsize=SMALL, width=0.8, length=3)
    axes.set_axisbelow(True)
    axes.yaxis.grid(True, color=FAINT, linewidth=0.6)
    axes.set_title(title, fontsize=TITLE, color=INK, loc="left", pad=8)
    axes.set_xlabel(xlabel, fontsize=TEXT, color=SOFT)
    axes.set_ylabel(ylabel, fontsize=TEXT, color=SOFT)
    return axes


def label_legend(axes: Axes) -> None:
    """Draw the house legend of what was labelled."""
    axes.legend(fontsize=SMALL, frameon=False, labelcolor=INK, handlelength=1.6)


def shared_legend(figure: Figure, axes: Axes) -> None:
    """Draw what was labelled in `axes` below all plots, for all of them."""
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


def shades(count: int) -> list[tuple[float, ...]]:
    """Return colours from dark to light, for lines that follow one another.

    >>> len(shades(3))
    3
    """
    from matplotlib import colormaps

    return [colormaps["viridis"](0.88 * i / max(1, count - 1)) for i in range(count)]


def _legend_columns(figure: Figure, labels: list[str]) -> int:
    each = 0.6 + 0.075 * max(map(len, labels))
    fit = max(1, int(figure.get_size_inches()[0] / each))
    return math.ceil(len(labels) / math.ceil(len(labels) / fit))
