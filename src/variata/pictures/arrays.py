"""Tensors on any device, arrays and lists as numpy arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor


def as_array(values: ArrayLike | Tensor) -> np.ndarray:
    """Return values as a numpy array, fetched from its device and freed of its history.

    >>> as_array([1, 2]).tolist()
    [1, 2]
    """
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
