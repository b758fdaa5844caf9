"""The factors that rows were made from, where they are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from variata.errors import ShapeError


@dataclass(frozen=True, eq=False)
class Factors:
    """Known factors of variation; no model sees them, they only serve to measure.

    Attributes:
        names: of the factors.
        values: (N, F) int64, the position of every row's value along each factor.

    >>> import torch
    >>> factors = Factors(("shape", "scale"), np.array([[0, 5], [2, 3]]))
    >>> factors.subset(torch.tensor([1])).values
    array([[2, 3]])
    """

    names: tuple[str, ...]
    values: np.ndarray

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != len(self.names):
            raise ShapeError(
                f"Expected factors (N, {len(self.names)}), one column for each of "
                f"{', '.join(self.names)}, got {self.values.shape}."
            )

    def __len__(self) -> int:
        return len(self.values)

    def subset(self, index: Tensor) -> Factors:
        """The factors of some rows."""
        return Factors(self.names, self.values[index.cpu().numpy()])
