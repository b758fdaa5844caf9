"""Where images are surprising."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from variata.errors import ShapeError
from variata.pictures.arrays import as_array
from variata.pictures.strips import labelled_rows

NAMES = ("data", "expected", "surprise")


def surprises(
    originals: ArrayLike | Tensor,
    expected: ArrayLike | Tensor,
    surprise: ArrayLike | Tensor,
    columns: int = 12,
) -> bytes:
    """Return images, what was expected of them, and where they differ, as PNG bytes.

    Where an image is brighter than expected it is drawn in red, where darker in blue; the most
    surprising pixel of each image in full colour.

    Args:
        originals, expected: (N, C, H, W) in [0, 1].
        surprise: (N, H, W), with the sign of the difference.

    Raises:
        ShapeError: the three do not belong together.

    >>> surprises(np.zeros((3, 1, 8, 8)), np.ones((3, 1, 8, 8)), -np.ones((3, 8, 8)))[1:4]
    b'PNG'
    """
    above, below, signed = as_array(originals), as_array(expected), as_array(surprise)
    if above.shape != below.shape or signed.shape != (len(above), *above.shape[2:]):
        raise ShapeError(
            "surprises: expected images (N, C, H, W) twice and surprise (N, H, W), got "
            f"{above.shape}, {below.shape} and {signed.shape}."
        )
    parts = [np.broadcast_to(p, (len(p), 3, *p.shape[2:])) for p in (above, below)]
    parts.append(_coloured(signed))
    starts = range(0, max(len(above), 1), columns)
    rows = [part[i : i + columns] for i in starts for part in parts]
    return labelled_rows(rows, list(NAMES) * len(starts), group=3)


def _coloured(signed: np.ndarray) -> np.ndarray:
    """(N, H, W) on white: red above zero, blue below, (N, 3, H, W)."""
    most = np.abs(signed).max((1, 2), keepdims=True)
    share = signed / np.where(most > 0, most, 1)
    up, down = share.clip(0, 1), (-share).clip(0, 1)
    return np.stack([1 - down, 1 - up - down, 1 - up], 1)
