"""A data set as training takes it: rows of codes, and the parts that share them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from variata.batch import Batch
from variata.data.context import Context
from variata.data.factors import Factors
from variata.data.lazy import Codes, held
from variata.data.schema import Schema
from variata.data.values import as_array
from variata.errors import DataError, ShapeError

HASH_BYTES = 1 << 22  # of a block
EXACT_BYTES = 1 << 30  # up to which every byte counts in a fingerprint
INT32_ROWS = 2**31 - 1


@dataclass(frozen=True, eq=False)
class Examples:
    """Rows of storage codes with their schema; only the rows of a batch become floats.

    A part of a data set shares the codes of the whole, and holds at most the numbers of its rows.

    Attributes:
        codes: (N, *schema.shape), uint8 where the data allows it; where they do not fit in memory,
            values that are encoded when they are gathered.
        schema: what the codes mean.
        labels: one for each example, int64, -1 where unknown, or None.
        rows: numbers of the examples' rows in `codes`, or None for all of them.
        factors: that each example was made from, where they are known.
        context: what each example is conditioned on, where a model is.

    >>> from variata.data.infer import infer_schema
    >>> values = [[0, 1], [1, 1], [0, 0]]
    >>> examples = Examples.of(values, infer_schema(values))
    >>> examples.gather(torch.tensor([1])).x
    tensor([[1., 1.]])
    """

    codes: Codes
    schema: Schema
    labels: Tensor | None = None
    rows: Tensor | None = None
    factors: Factors | None = None
    context: Context | None = None

    def __post_init__(self) -> None:
        if tuple(self.codes.shape[1:]) != self.schema.shape:
            raise ShapeError(
                f"Expected codes (N, {self.schema.shape}), got {tuple(self.codes.shape)}."
            )
        if self.labels is not None and self.labels.shape != (len(self),):
            raise ShapeError(f"Expected {len(self)} labels, got shape {tuple(self.labels.shape)}.")
        if self.factors is not None and len(self.factors) != len(self):
            raise ShapeError(f"Expected factors of {len(self)} rows, got {len(self.factors)}.")
        if self.context is not None and len(self.context) != len(self):
            raise ShapeError(f"Expected conditions of {len(self)} rows, got {len(self.context)}.")

    @classmethod
    def of(
        cls, values: Any, schema: Schema, labels: Any = None, factors: Factors | None = None
    ) -> Examples:
        """Take a person's values (N, *own_shape), and keep whole-number labels (N,) if given.

        Raises:
            ShapeError: rows of another shape than the schema's.
            DataError: NaN or infinity, or a value that the schema cannot represent, with its place.
        """
        return cls.of_checked(schema.checked(values), schema, labels, factors)

    @classmethod
    def of_checked(
        cls, values: Any, schema: Schema, labels: Any = None, factors: Factors | None = None
    ) -> Examples:
        """Take values that the schema was inferred from, without looking at them again."""
        codes = held(as_array(values), schema)
        known = None if labels is None else _labels(labels)
        return cls(codes, schema, known, factors=factors)

    def __len__(self) -> int:
        return len(self.codes) if self.rows is None else len(self.rows)

    def gather(self, index: Tensor) -> Batch:
        """Return the rows `index` (B,) in model space, as float32; `seen` is `x` itself."""
        if index.device != self.codes.device:
            index = index.to(self.codes.device)
        x = self.schema.to_model(self._codes(index))
        y = None if self.labels is None else self.labels.index_select(0, index)
        c = None if self.context is None else self.context.gather(index)
        return Batch(x=x, seen=x, c=c, y=y, index=index)

    def all(self) -> Batch:
        """All rows in their order, in model space."""
        return self.gather(torch.arange(len(self)))

    def stored(self) -> Tensor:
        """The codes of all rows in their order, (N, *schema.shape), in memory."""
        return self._codes(torch.arange(len(self), device=self.codes.device))

    def subset(self, index: Tensor) -> Examples:
        """Return the rows `index` as examples that share these codes; neighbours are a slice."""
        index = index.to(self.codes.device)
        labels = None if self.labels is None else self.labels.index_select(0, index)
        factors = None if self.factors is None else self.factors.subset(index)
        context = None if self.context is None else self.context.subset(index)
        rows = index if self.rows is None else self.rows.index_select(0, index)
        if _neighbours(rows):
            start = int(rows[0])
            codes = self.codes[start : start + len(rows)]
            return Examples(codes, self.schema, labels, factors=factors, context=context)
        rows = rows.to(torch.int32) if len(self.codes) <= INT32_ROWS else rows
        return Examples(self.codes, self.schema, labels, rows, factors, context)

    def to(self, device: torch.device | str) -> Examples:
        """Return the same examples held on `device`; what is larger than memory stays."""
        codes = self.codes.to(device)
        labels, rows = (t if t is None else t.to(codes.device) for t in (self.labels, self.rows))
        context = None if self.context is None else self.context.to(codes.device)
        return replace(self, codes=codes, labels=labels, rows=rows, context=context)

    def fingerprint(self) -> str:
        """SHA-256, in hex, of the shape, the dtype and the bytes of the codes.

        Of more than 1 GB of codes, a GB counts: evenly spaced blocks of 4 MB. What is changed
        between them, and moves neither number nor kind of the rows, is not noticed.
        """
        dtype = self._codes(torch.arange(0)).dtype
        digest = hashlib.sha256(f"{(len(self), *self.codes.shape[1:])} {dtype}".encode())
        for rows in self._hashed():
            data = self._block(rows).cpu().contiguous().numpy()
            digest.update(data.reshape(-1).view("uint8").data)
        return digest.hexdigest()

    def fingerprint_beside(self) -> str:
        """The same of what stands beside the codes: their meaning, labels and conditions."""
        known = self.context
        told = [self.schema.to_json(), None if known is None else known.condition.to_json()]
        digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
        for values in (self.labels, None if known is None else known.codes):
            if values is not None:
                digest.update(f"{tuple(values.shape)} {values.dtype}".encode())
                digest.update(values.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def _block(self, rows: slice) -> Tensor:
        if self.rows is None and isinstance(self.codes, Tensor):
            return self.codes[rows]  # without a copy
        return self._codes(torch.arange(rows.start, rows.stop, device=self.codes.device))

    def _codes(self, index: Tensor) -> Tensor:
        rows = index if self.rows is None else self.rows.index_select(0, index)
        return self.codes.index_select(0, rows)

    def _hashed(self) -> Iterator[slice]:
        """The rows that a fingerprint reads, a block at a time."""
        each = max(1, self.schema.codes_size(1))
        step = max(1, HASH_BYTES // each)
        starts = torch.arange(0, len(self), step)
        if len(self) * each > EXACT_BYTES:
            blocks = EXACT_BYTES // HASH_BYTES
            starts = torch.linspace(0, len(self) - step, blocks, dtype=torch.float64).long()
        for start in starts.tolist():
            yield slice(start, min(start + step, len(self)))


def _neighbours(rows: Tensor) -> bool:
    """Whether row numbers are consecutive, so that a slice holds them."""
    if len(rows) == 0 or int(rows[-1]) - int(rows[0]) != len(rows) - 1:
        return False
    return bool((rows[1:] - rows[:-1] == 1).all())


def _labels(labels: Any) -> Tensor:
    array = as_array(labels)
    if array.ndim != 1 or (array.dtype.kind == "f" and (array != array.round()).any()):
        raise DataError("Expected one whole number per row as labels, -1 where unknown.")
    return torch.from_numpy(array.astype("int64"))
