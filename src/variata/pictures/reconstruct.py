"""Data and what the model makes of it: reconstructions, paths and traversals of the latent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from variata.errors import ShapeError
from variata.pictures.arrays import as_array
from variata.pictures.strips import labelled_rows


def reconstructions(sets: Mapping[str, ArrayLike | Tensor], columns: int = 12) -> bytes:
    """Return images below one another as PNG bytes, such as data and reconstructions.

    Args:
        sets: by the name of their row, each (N, C, H, W) or (N, H, W) in [0, 1], in one order.
        columns: images of a row; more begin the rows anew.

    Raises:
        ShapeError: the sets differ in shape, or are no images.

    >>> reconstructions({"data": np.zeros((3, 8, 8)), "rebuilt": np.ones((3, 8, 8))})[1:4]
    b'PNG'
    """
    parts = [as_array(images) for images in sets.values()]
    shapes = sorted({part.shape for part in parts})
    if len(shapes) != 1:
        told = " and ".join(map(str, shapes))
        raise ShapeError(f"reconstructions: expected sets of one shape, got {told}.")
    starts = range(0, max(len(parts[0]), 1), columns)
    rows = [part[i : i + columns] for i in starts for part in parts]
    return labelled_rows(rows, list(sets) * len(starts), group=len(sets))


def interpolation(paths: ArrayLike | Tensor, names: Sequence[str] | None = None) -> bytes:
    """Return paths through the latent space from one example to another, as PNG bytes.

    Args:
        paths: decoded images (P, T, C, H, W) or (P, T, H, W) in [0, 1]: P paths of T steps.
        names: one per path; "path 1", ... by default.

    Raises:
        ShapeError: not paths of images.
    """
    frames = _series(paths, "interpolation")
    steps = [short_number(at) for at in np.linspace(0, 1, frames.shape[1])]
    names = names or [f"path {i + 1}" for i in range(len(frames))]
    return labelled_rows(list(frames), names, steps)


def traversal(
    images: ArrayLike | Tensor,
    dims: Sequence[int],
    rates: Sequence[float],
    values: Sequence[float],
    title: str = "",
) -> bytes:
    """Return what each latent dimension does, as PNG bytes: highest rate first.

    Args:
        images: decoded (R, V, C, H, W) or (R, V, H, W) in [0, 1]; row r moves dimension dims[r]
            through the V values, all others held.
        dims: latent dimension of each row. rates: its mean rate, nats. values: of the columns.

    Raises:
        ShapeError: lengths that do not fit together.

    >>> traversal(np.zeros((2, 3, 8, 8)), dims=[7, 1], rates=[3.2, 4], values=[-3, 0, 3])[1:4]
    b'PNG'
    """
    frames = _series(images, "traversal")
    if not len(dims) == len(rates) == len(frames) or len(values) != frames.shape[1]:
        raise ShapeError(
            f"traversal: expected {frames.shape[0]} dims, {frames.shape[0]} rates and "
            f"{frames.shape[1]} values, got {len(dims)}, {len(rates)} and {len(values)}."
        )
    order = by_rate(rates)
    names = [dimension_name(dims[i], rates[i]) for i in order]
    return labelled_rows(
        [frames[i] for i in order], names, [short_number(v) for v in values], title
    )


def by_rate(rates: Sequence[float]) -> list[int]:
    """Return positions by falling rate.

    >>> by_rate([0.1, 3.0, 2.0])
    [1, 2, 0]
    """
    return sorted(range(len(rates)), key=lambda i: -rates[i])


def short_number(value: float) -> str:
    """Return a number with two decimals at most.

    >>> short_number(-2.25), short_number(3.0), short_number(-0.0)
    ('-2.25', '3', '0')
    """
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def dimension_name(dim: int, rate: float) -> str:
    """Return the name of a latent dimension with what it carries.

    >>> dimension_name(7, 3.21)
    'z7  3.2 nats'
    """
    return f"z{dim}  {rate:.1f} nats" if rate >= 0.1 else f"z{dim}  {rate:.2f} nats"


def _series(values: ArrayLike | Tensor, what: str) -> np.ndarray:
    frames = as_array(values)
    if frames.ndim not in (4, 5) or 0 in frames.shape:
        raise ShapeError(
            f"{what}: expected images (rows, columns, C, H, W) or (rows, columns, H, W), "
            f"got shape {frames.shape}."
        )
    return frames
