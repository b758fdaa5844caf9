"""Rows of images with their names on the left and values on top, every pixel whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from variata.errors import ShapeError
from variata.pictures.figures import INK, SMALL, SOFT, TEXT, TITLE, new_figure, to_png
from variata.pictures.grid import beside, enlarged, pixels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOTS = 100  # per inch; text sizes below are measured at it
PAD, GAP, EDGE = 2, 7, 10
GLYPH = 7.6  # pixels a character of a row's name takes


def labelled_rows(
    rows: Sequence[ArrayLike | Tensor],
    names: Sequence[str],
    heads: Sequence[str] = (),
    title: str = "",
    scale: int | None = None,
    group: int = 1,
) -> bytes:
    """Return rows of images as PNG bytes, each row named on its left.

    Images are set pixel on pixel (figimage), never resampled.

    Args:
        rows: each (N, C, H, W) or (N, H, W) in [0, 1], all of one image size.
        names: one per row. heads: one per column, may be empty. title: may be empty.
        scale: enlargement; as in `grid`.
        group: rows that belong together; a wider gap follows each such group.

    Raises:
        ShapeError: not as many names as rows, or rows that are no images.
    """
    if len(rows) != len(names):
        raise ShapeError(f"pictures: expected one name per row, {len(rows)}, got {len(names)}.")
    cells = [enlarged(pixels(row), scale) for row in rows]
    columns = max(len(row) for row in cells)
    strips = [beside(row, columns, PAD) for row in cells]
    layout = _layout(strips, names, heads, title, group)
    return _drawn(strips, names, heads, title, cells[0].shape[2] + PAD, layout)


@dataclass(frozen=True)
class _Layout:
    """Where things go, in pixels from the left and from the top."""

    width: int
    height: int
    left: int
    tops: list[int]


def _layout(
    strips: list[np.ndarray], names: Sequence[str], heads: Sequence[str], title: str, group: int
) -> _Layout:
    high, wide = strips[0].shape[:2]
    left = EDGE + round(GLYPH * max(len(name) for name in names)) + 8
    first = EDGE + (28 if title else 0) + (18 if heads else 0)
    tops = [first + i * (high + PAD) + i // group * GAP for i in range(len(strips))]
    width = max(left + wide + EDGE, round(9.2 * len(title)) + 2 * EDGE)
    return _Layout(width, tops[-1] + high + EDGE, left, tops)


def _drawn(
    strips: list[np.ndarray],
    names: Sequence[str],
    heads: Sequence[str],
    title: str,
    step: int,
    at: _Layout,
) -> bytes:
    figure = new_figure(at.width / DOTS, at.height / DOTS, DOTS)
    for strip, name, top in zip(strips, names, at.tops, strict=True):
        bottom = at.height - top - len(strip)
        colour = strip if strip.ndim == 3 else np.repeat(strip[..., None], 3, axis=2)
        figure.figimage(colour, at.left, bottom, origin="upper")
        _write(figure, at.left - 8, bottom + len(strip) / 2, name, ha="right", size=TEXT)
    for i, head in enumerate(heads):
        middle = at.left + i * step + (step - PAD) / 2
        _write(
            figure, middle, at.height - at.tops[0] + 9, head, ha="center", size=SMALL, color=SOFT
        )
    if title:
        _write(figure, EDGE, at.height - EDGE - 9, title, ha="left", size=TITLE)
    return to_png(figure)


def _write(
    figure: Figure, x: float, y: float, text: str, *, color: str = INK, **style: Any
) -> None:
    width, height = figure.get_size_inches() * figure.dpi
    figure.text(x / width, y / height, text, color=color, va="center", **style)
