"""Samples of several models beside each other."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from variata.errors import DataError
from variata.pictures.arrays import as_array
from variata.pictures.figures import (
    BLUE,
    DPI,
    GREY,
    INK,
    TEXT,
    calm,
    new_figure,
    shared_legend,
    to_png,
)
from variata.pictures.grid import grid

ACROSS = 4  # panels in a row
COLUMNS = 6  # images in a row of a panel
GAP, HEAD = 22, 40  # pixels between panels, and above each


def image_panels(named: Mapping[str, ArrayLike | Tensor]) -> bytes:
    """Return the images of every model as a grid of its own, with its name above: PNG bytes.

    Args:
        named: name -> images (N, C, H, W) in [0, 1].

    Raises:
        DataError: nothing to show.

    >>> image_panels({"data": np.zeros((2, 1, 8, 8)), "vae": np.ones((2, 1, 8, 8))})[1:4]
    b'PNG'
    """
    _refuse_none(named)
    cells = {name: _coloured(grid(images, COLUMNS)) for name, images in named.items()}
    height, width = (max(cell.shape[side] for cell in cells.values()) for side in (0, 1))
    across = min(ACROSS, len(cells))
    down = -(-len(cells) // across)
    whole = (across * (width + GAP) + GAP, down * (height + HEAD) + GAP)
    figure = new_figure(whole[0] / DPI, whole[1] / DPI)
    for i, (name, cell) in enumerate(cells.items()):
        left = GAP + i % across * (width + GAP)
        top = whole[1] - i // across * (height + HEAD) - HEAD
        figure.figimage(cell[::-1], left, top - len(cell), origin="lower")  # at whole pixels
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


def _coloured(image: np.ndarray) -> np.ndarray:
    return image if image.ndim == 3 else image[..., None].repeat(3, -1)


def _refuse_none(named: Mapping[str, object]) -> None:
    if not named:
        raise DataError("comparison: expected at least one model to show, got none.")
