"""What one example is: its kind, shape and units, and the ways in and out of the model."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from variata.data.checks import require_finite
from variata.data.codes import check_values, decode_codes, encode_values, storage_dtype
from variata.data.describe import describe
from variata.data.layouts import to_model_order, to_own_order
from variata.data.record import require_sound
from variata.data.values import as_array, is_frame, row_chunks, unique_names
from variata.errors import DataError, ShapeError

BOUNDED = ("binary", "levels")  # kinds whose values lie in [0, 1] in model space


@dataclass(frozen=True)
class Schema:
    """The bridge between a person's data and the model; serialisable.

    Values exist in three forms: the person's own (their shape, dtype and units), storage codes
    (N, *shape) in the smallest dtype that holds them, and model space (float32, *shape).

    Attributes:
        kind: "binary", "levels", "real", "count" or "category".
        layout: "image" or "vector".
        shape: of one example in model space, (C, H, W) or (D,).
        own_shape: of one example in the person's array.
        dtype: numpy dtype name of the person's data.
        levels: number of grey levels or categories; 2 for binary; None otherwise.
        low, step: own value = low + step * code, for binary, levels and category.
        mean, scale: per element for real data, one pair for all pixels of an image;
            scale is 1 where a column is constant.
        resolution: smallest gap between distinct values, in standardised units, per column (one
            for images); at least 1e-6, and 1 for constant columns. A likelihood's scale well below
            it describes the rounding and not the data, so its floor is a fraction of it.
        columns, label_names: names, where known.
        likelihood: the name of the likelihood chosen.

    >>> from variata.data.infer import infer_schema
    >>> schema = infer_schema([[0, 1, 1], [1, 0, 1]])
    >>> schema.describe()
    'binary vectors, 3 columns (values 0 and 1): Bernoulli likelihood'
    >>> schema.decode(schema.to_model(schema.encode([[0, 1, 1]])), round=True)
    array([[0, 1, 1]])
    """

    kind: str
    layout: str
    shape: tuple[int, ...]
    own_shape: tuple[int, ...]
    dtype: str
    levels: int | None
    low: float
    step: float
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    resolution: tuple[float, ...]
    columns: tuple[str, ...] | None
    label_names: tuple[str, ...] | None
    likelihood: str

    def encode(self, values: Any) -> Tensor:
        """Return storage codes (N, *shape) of the person's `values` (N, *own_shape).

        For kind "levels", values between two levels go to the nearest.

        Raises:
            ShapeError: rows of another shape.
            DataError: NaN or infinity, or a value that the schema cannot represent, with its place.
        """
        return self.encode_all(self.checked(values))

    def checked(self, values: Any) -> np.ndarray:
        """Return `values` as numbers (N, *own_shape) that have codes; raises what `encode` does."""
        array = as_array(self._select(values), self.columns)
        self._check_shape(array)
        require_finite(array, self.columns)
        check_values(self, array)
        return array

    def encode_all(self, array: np.ndarray) -> Tensor:
        """Return the codes (N, *shape) of a checked array, made a chunk of rows at a time."""
        codes = np.empty((len(array), *self.shape), dtype=storage_dtype(self))
        for rows in row_chunks(array):
            codes[rows] = self._codes(array[rows])
        return torch.from_numpy(codes)

    def encode_rows(self, array: np.ndarray, index: Tensor) -> Tensor:
        """Return the codes (B, *shape) of the rows `index` of a checked array."""
        return torch.from_numpy(np.ascontiguousarray(self._codes(array[index.cpu().numpy()])))

    def codes_size(self, rows: int) -> int:
        """Bytes that the codes of so many rows take."""
        return rows * math.prod(self.shape) * storage_dtype(self).itemsize

    def to_model(self, codes: Tensor) -> Tensor:
        """Return codes (..., *shape) in model space, float32; levels become code/(levels-1)."""
        x = codes.to(torch.float32)
        steps = self.levels - 1 if self.kind == "levels" and self.levels else 1
        return x if steps == 1 else x / steps

    def decode(self, x: Tensor | np.ndarray, *, round: bool = False) -> np.ndarray:
        """Return model-space `x` (..., *shape) in the person's units, (..., *own_shape).

        With `round`, discrete values snap to the grid (counts to integers) and the person's dtype
        comes back. Without it, values between (means) stay, as float32 where the dtype is integer.
        """
        array = _as_numpy(x) if isinstance(x, Tensor) else np.asarray(x)
        if array.shape[array.ndim - len(self.shape) :] != self.shape:
            raise ShapeError(f"Expected model values (..., {self.shape}), got {array.shape}.")
        own = decode_codes(self, array, round)
        return to_own_order(own, self.own_shape, self.shape)

    @property
    def high(self) -> float:
        """The highest value of data with levels or classes, in own units."""
        return self.low + self.step * ((self.levels or 2) - 1)

    def loosened(self) -> Schema:
        """The schema for values between and beyond levels, with the same model space.

        >>> from variata.data.infer import infer_schema
        >>> schema = infer_schema([[[0, 51], [255, 0]], [[102, 0], [0, 255]]])
        >>> schema.loosened().encode([[[-25.5, 51], [300, 0]]]).flatten()
        tensor([-0.1000,  0.2000,  1.1765,  0.0000])
        """
        if self.kind not in BOUNDED:
            return self
        return replace(
            self,
            kind="real",
            dtype="float64",
            levels=None,
            mean=(self.low,),
            scale=(self.high - self.low,),
            resolution=(1.0,),
            likelihood="gaussian",
        )

    def log_jacobian(self) -> float:
        """Nats to add to a log density in model space to have it in the person's own units."""
        if self.kind != "real":
            return 0.0
        repeats = math.prod(self.shape) // len(self.scale)
        return -repeats * sum(math.log(s) for s in self.scale)

    def describe(self) -> str:
        """One line that says what was seen and what was chosen."""
        return describe(self)

    def to_json(self) -> dict[str, Any]:
        """Return a plain dictionary of numbers, strings and lists."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Schema:
        """Return the schema that `to_json` wrote.

        Raises:
            DataError: a field is missing, unknown, of the wrong kind, or does not fit the others.
        """
        names = {f.name for f in fields(cls)}
        if not isinstance(record, Mapping):
            raise DataError(f"Expected the fields of a schema, got {type(record).__name__}.")
        if set(record) != names:
            odd = ", ".join(sorted(map(str, set(record) ^ names)))
            raise DataError(f"Expected the fields of a schema; missing or unknown: {odd}.")
        try:
            schema = TypeAdapter(cls).validate_json(json.dumps(dict(record)), strict=True)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise DataError(f"The schema's {where}: {first['msg'].lower()}.") from error
        require_sound(schema)
        return schema

    def _codes(self, array: np.ndarray) -> np.ndarray:
        return to_model_order(encode_values(self, array), self.own_shape, self.shape)

    def _select(self, values: Any) -> Any:
        if not is_frame(values) or self.columns is None:
            return values
        place = {name: i for i, name in enumerate(unique_names(values.columns))}
        missing = [c for c in self.columns if c not in place]
        if missing:
            raise DataError(f"Expected the column '{missing[0]}', which the table does not have.")
        return values.iloc[:, [place[c] for c in self.columns]]

    def _check_shape(self, array: np.ndarray) -> None:
        if array.ndim == 0 or array.shape[1:] != self.own_shape:
            expected = ", ".join(["N", *map(str, self.own_shape)])
            raise ShapeError(f"Expected an array ({expected}), got {array.shape}.")


def _as_numpy(x: Tensor) -> np.ndarray:
    x = x.detach().cpu()
    return (x if x.dtype == torch.float32 else x.double()).numpy()
