"""A data set resident in memory, in its storage dtype."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from variata.batch import Batch
from variata.data.schema import Schema
from variata.data.values import as_array
from variata.errors import DataError, ShapeError

HASH_BYTES = 1 << 24


@dataclass(frozen=True, eq=False)
class Examples:
    """Storage codes (N, *shape) with their schema; only the rows of a batch become floats.

    Attributes:
        codes: (N, *schema.shape), uint8 where the data allows it.
        schema: what the codes mean.
        labels: (N,) int64, -1 where unknown, or None.

    >>> from variata.data.infer import infer_schema
    >>> values = [[0, 1], [1, 1], [0, 0]]
    >>> examples = Examples.of(values, infer_schema(values))
    >>> examples.gather(torch.tensor([1])).x
    tensor([[1., 1.]])
    """

    codes: Tensor
    schema: Schema
    labels: Tensor | None = None

    def __post_init__(self) -> None:
        if tuple(self.codes.shape[1:]) != self.schema.shape:
            raise ShapeError(
                f"Expected codes (N, {self.schema.shape}), got {tuple(self.codes.shape)}."
            )
        if self.labels is not None and self.labels.shape != self.codes.shape[:1]:
            raise ShapeError(
                f"Expected {len(self.codes)} labels, got shape {tuple(self.labels.shape)}."
            )

    @classmethod
    def of(cls, values: Any, schema: Schema, labels: Any = None) -> Examples:
        """Encode a person's values (N, *own_shape), and keep whole-number labels (N,) if given."""
        return cls(schema.encode(values), schema, None if labels is None else _labels(labels))

    def __len__(self) -> int:
        return self.codes.shape[0]

    def gather(self, index: Tensor) -> Batch:
        """Return the rows `index` (B,) in model space, as float32; `seen` is `x` itself."""
        index = index.to(self.codes.device)
        x = self.schema.to_model(self.codes.index_select(0, index))
        y = None if self.labels is None else self.labels.index_select(0, index)
        return Batch(x=x, seen=x, y=y, index=index)

    def subset(self, index: Tensor) -> Examples:
        """Return the rows `index` as examples of their own."""
        index = index.to(self.codes.device)
        labels = None if self.labels is None else self.labels.index_select(0, index)
        return Examples(self.codes.index_select(0, index), self.schema, labels)

    def to(self, device: torch.device | str) -> Examples:
        """Return the same examples held on `device`."""
        labels = None if self.labels is None else self.labels.to(device)
        return Examples(self.codes.to(device), self.schema, labels)

    def fingerprint(self) -> str:
        """SHA-256, in hex, of the shape, dtype and bytes of the codes."""
        digest = hashlib.sha256(f"{tuple(self.codes.shape)} {self.codes.dtype}".encode())
        data = self.codes.contiguous().cpu().numpy().reshape(-1).view("uint8")
        for start in range(0, data.size, HASH_BYTES):
            digest.update(data[start : start + HASH_BYTES].data)
        return digest.hexdigest()


def _labels(labels: Any) -> Tensor:
    array = as_array(labels)
    if array.ndim != 1 or (array.dtype.kind == "f" and (array != array.round()).any()):
        raise DataError("Expected one whole number per row as labels, -1 where unknown.")
    return torch.from_numpy(array.astype("int64"))
