"""Codes that are made when they are asked for: for values larger than memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from variata.data import memory
from variata.data.schema import Schema


class Codes(Protocol):
    """What examples are gathered from: a tensor (N, *shape), or values that become one."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def device(self) -> torch.device: ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice, /) -> Codes: ...

    def index_select(self, dim: int, index: Tensor) -> Tensor:
        """The codes of some rows."""
        ...

    def to(self, device: torch.device | str) -> Codes:
        """The same, held on a device where that is possible."""
        ...


@dataclass(frozen=True, eq=False)
class LazyCodes:
    """Checked values (N, *own_shape) in the person's layout, mapped or in memory, as codes.

    >>> from variata.data.infer import infer_schema
    >>> values = np.array([[0.5, 4.0], [2.0, 8.0]])
    >>> LazyCodes(values, infer_schema(values)).index_select(0, torch.tensor([1]))
    tensor([[1., 1.]])
    """

    values: np.ndarray
    schema: Schema

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.values), *self.schema.shape)

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: slice, /) -> LazyCodes:
        return LazyCodes(self.values[rows], self.schema)

    def index_select(self, dim: int, index: Tensor) -> Tensor:
        """Encode the rows `index` (B,)."""
        return self.schema.encode_rows(self.values, index)

    def to(self, device: torch.device | str) -> LazyCodes:
        """Return the same: values larger than memory stay where they are."""
        return self


def held(values: np.ndarray, schema: Schema) -> Codes:
    """Return the codes of checked values: in memory, or made row by row where they are large.

    Large is what does not fit, and an array in memory that is not worth holding twice.
    """
    size = schema.codes_size(len(values))
    twice = memory.mapped(values) is None and size > memory.COPIED
    resident = memory.fits(size) and not twice
    return schema.encode_all(values) if resident else LazyCodes(values, schema)
