"""Own values to storage codes and back, in the person's order of dimensions where it can."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from variata.data.checks import require
from variata.errors import DataError

LARGEST_COUNT = 2**31 - 1
GRID_TOLERANCE = 1e-3
EDGE_TOLERANCE = 1e-2


class Units(Protocol):
    """The part of a schema that says how values and codes relate."""

    @property
    def kind(self) -> str: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def own_shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> str: ...
    @property
    def levels(self) -> int | None: ...
    @property
    def low(self) -> float: ...
    @property
    def step(self) -> float: ...
    @property
    def mean(self) -> tuple[float, ...]: ...
    @property
    def scale(self) -> tuple[float, ...]: ...
    @property
    def columns(self) -> tuple[str, ...] | None: ...


def storage_dtype(units: Units) -> np.dtype:
    """The numpy dtype that the codes of a schema are stored in."""
    if units.kind == "real":
        return np.dtype(np.float32)
    if units.kind == "count":
        return np.dtype(np.int32)
    levels = units.levels or 2
    names = ("uint8", "int16", "int32")
    return np.dtype(names[(levels > 2**8) + (levels > 2**15)])


def check_values(units: Units, values: np.ndarray) -> None:
    """Raise DataError when a finite value (N, *own_shape) cannot be represented, with its place."""
    if units.kind == "count":
        require(values, _is_count, "non-negative integers (counts)", units.columns)
    elif units.kind != "real":
        _require_on_grid(units, values)


def encode_values(units: Units, values: np.ndarray) -> np.ndarray:
    """Return codes (N, *own_shape) of checked values (N, *own_shape), all at once."""
    if units.kind == "real":
        return _standardise(units, values)
    if units.kind == "count" or _plain(units, values):
        return values.astype(storage_dtype(units), copy=False)
    return np.rint(to_codes(values, units.low, units.step)).astype(storage_dtype(units))


def decode_codes(units: Units, x: np.ndarray, round: bool) -> np.ndarray:
    """Return model-space `x` (..., *shape) in own units and dtype, still in model order.

    Sums and products are made in float64; where there are none to make, `x` stays as it is.
    """
    dtype = np.dtype(units.dtype)
    x = x if _as_they_are(units) else x.astype(np.float64, copy=False)
    if units.kind == "real":
        own = x * _spread(units, units.scale) + _spread(units, units.mean)
    elif units.kind == "count":
        own = np.maximum(np.rint(x), 0) if round else x
    else:
        own = _from_codes(units, x, round)
    if dtype.kind == "f":
        return own.astype(dtype, copy=False)
    if round and units.kind in ("binary", "category") and _as_they_are(units):
        return own.astype(dtype)  # whole numbers of the person's own already
    return _to_whole(own, dtype) if round else own.astype(np.float32, copy=False)


def to_codes(values: np.ndarray, low: float, step: float) -> np.ndarray:
    """Return (values - low)/step in float64; dividing grids such as 1/255 exactly."""
    own = values.astype(np.float64)
    return (own - low) * per_unit(step) if per_unit(step) else (own - low) / step


def per_unit(step: float) -> float:
    """255 for a step of 1/255, so that k/255 comes back to the last bit; 0 when not whole."""
    per = round(1 / step) if step < 1 else 0
    return float(per) if per and abs(per * step - 1) < 1e-9 else 0.0


def _from_codes(units: Units, x: np.ndarray, round: bool) -> np.ndarray:
    top = (units.levels or 2) - 1
    codes = x * top if units.kind == "levels" else x
    if round:
        codes = np.rint(codes)
        np.clip(codes, 0, top, out=codes)
    if _as_they_are(units):
        return codes
    per = per_unit(units.step)
    return units.low + (codes / per if per else codes * units.step)


def _as_they_are(units: Units) -> bool:
    """Whether model space holds own values."""
    if units.kind in ("binary", "category"):
        return units.low == 0 and units.step == 1
    return units.kind == "count"


def _to_whole(own: np.ndarray, dtype: np.dtype) -> np.ndarray:
    if dtype.kind == "b":
        return own >= 0.5
    limits = np.iinfo(dtype)
    own = own if dtype.itemsize <= 2 else own.astype(np.float64)  # which holds the limits
    return np.clip(np.rint(own), limits.min, limits.max).astype(dtype)


def _require_on_grid(units: Units, values: np.ndarray) -> None:
    top = (units.levels or 2) - 1
    span = f"[{units.low:g}, {units.low + units.step * top:g}]"
    if units.kind == "binary":
        words = f"only the values {units.low:g} and {units.low + units.step:g}"
        require(values, lambda v: _inside(units, v) & _near_code(units, v), words, units.columns)
        return
    if not (_plain(units, values) and values.dtype.itemsize == 1 and top >= 255):
        require(values, lambda v: _inside(units, v), f"values in {span}", units.columns)
    if units.kind == "category":
        words = f"whole numbers in {span} (categories)"
        require(values, lambda v: _near_code(units, v), words, units.columns)


def _plain(units: Units, values: np.ndarray) -> bool:
    """Whether own values are the codes already, in an unsigned or boolean dtype."""
    return values.dtype.kind in "bu" and units.low == 0 and units.step == 1


def _inside(units: Units, values: np.ndarray) -> np.ndarray:
    top = (units.levels or 2) - 1
    if _plain(units, values):
        return values <= top
    codes = to_codes(values, units.low, units.step)
    return (codes >= -EDGE_TOLERANCE) & (codes <= top + EDGE_TOLERANCE)


def _near_code(units: Units, values: np.ndarray) -> np.ndarray:
    if _plain(units, values):
        return np.ones(values.shape, dtype=bool)
    codes = to_codes(values, units.low, units.step)
    return np.abs(codes - np.rint(codes)) <= GRID_TOLERANCE


def _is_count(values: np.ndarray) -> np.ndarray:
    return (values >= 0) & (values <= LARGEST_COUNT) & (values == np.rint(values))


def _standardise(units: Units, values: np.ndarray) -> np.ndarray:
    mean, scale = (_own_spread(units, v) for v in (units.mean, units.scale))
    own = values.astype(np.float64)
    own -= mean
    own /= scale
    with np.errstate(over="ignore"):
        codes = own.astype(np.float32)
    if not np.isfinite(codes).all():
        raise DataError("Expected values near those of the training data; some are far too large.")
    return codes


def _spread(units: Units, numbers: tuple[float, ...]) -> np.ndarray:
    array = np.asarray(numbers, dtype=np.float64)
    return array if array.size == 1 else array.reshape(units.shape)


def _own_spread(units: Units, numbers: tuple[float, ...]) -> np.ndarray:
    array = np.asarray(numbers, dtype=np.float64)
    return array if array.size == 1 else array.reshape(units.own_shape)
