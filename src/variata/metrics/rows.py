"""Arguments of the metrics, checked: arrays and tensors become rows of numbers."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from variata.errors import DataError, ShapeError

Values = ArrayLike | Tensor


def as_rows(values: Values, name: str, least: int = 1) -> Tensor:
    """Return values as a finite float64 matrix (N, D), one example a row, whatever its shape.

    Rows live on the CPU: metrics are taken once, and float64 is slow or missing on many devices.

    Raises:
        DataError: fewer than `least` examples, or a value that is not finite.

    >>> as_rows([[[1, 2], [3, 4]]], "images")
    tensor([[1., 2., 3., 4.]], dtype=torch.float64)
    """
    tensor = _as_tensor(values).double()
    if tensor.ndim == 0 or len(tensor) < least:
        count = 0 if tensor.ndim == 0 else len(tensor)
        raise DataError(f"{name}: expected at least {least} examples, got {count}; give more rows.")
    rows = tensor.reshape(len(tensor), -1)
    check_finite(rows, name)
    return rows


def check_finite(rows: Tensor, name: str) -> None:
    """Raise a DataError that names the first row and column that is not finite."""
    bad = ~torch.isfinite(rows)
    if bad.any():
        row, column = (int(i) for i in bad.nonzero()[0][:2])
        raise DataError(
            f"{name}: expected finite numbers, got {rows[row, column].item()} in row {row}, "
            f"column {column}; remove or fill it."
        )


def check_same_width(a: Tensor, b: Tensor, names: tuple[str, str]) -> None:
    """Raise a ShapeError unless both matrices have equally many columns."""
    if a.shape[1] != b.shape[1]:
        raise ShapeError(
            f"{names[0]} and {names[1]}: expected equally many values per example, "
            f"got {a.shape[1]} and {b.shape[1]}; compare like with like."
        )


def some_rows(rows: Tensor, limit: int, seed: int) -> Tensor:
    """Return `limit` rows drawn without replacement, or all of them when there are no more.

    >>> some_rows(torch.arange(6.0)[:, None], limit=2, seed=0).shape
    torch.Size([2, 1])
    """
    if len(rows) <= limit:
        return rows
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))
    return rows[order[:limit].to(rows.device)]


def _as_tensor(values: Values) -> Tensor:
    if isinstance(values, Tensor):
        return values.detach().cpu()
    return torch.from_numpy(np.array(values))
