"""A schema from a file is believed only after it was checked."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from variata.data.codes import Units
from variata.data.layouts import arrange
from variata.errors import DataError

KINDS = ("binary", "levels", "real", "count", "category")
OF_LEVELS = ("binary", "levels", "category")
MOST_LEVELS = 2**31


class Fields(Units, Protocol):
    """The fields of a schema; see there."""

    @property
    def layout(self) -> str: ...
    @property
    def resolution(self) -> tuple[float, ...]: ...


def require_sound(schema: Fields) -> None:
    """Refuse fields that no data has and no arithmetic survives.

    Raises:
        DataError: naming the field.
    """
    size = math.prod(schema.own_shape)
    fine = {
        "kind": schema.kind in KINDS,
        "shape": min(schema.own_shape, default=0) > 0 and _shaped(schema),
        "dtype": _is_number(schema.dtype),
        "levels": _levels(schema),
        "low": math.isfinite(schema.low),
        "step": math.isfinite(schema.step) and schema.step != 0,
        "mean": _numbers(schema.mean, size),
        "scale": _numbers(schema.scale, size) and min(schema.scale) > 0,
        "resolution": _numbers(schema.resolution, size) and min(schema.resolution) > 0,
        "columns": schema.columns is None or len(schema.columns) == size,
    }
    for name, good in fine.items():
        if not good:
            raise DataError(f"The schema's {name} cannot be: {getattr(schema, name)!r:.60}.")


def _shaped(schema: Fields) -> bool:
    return arrange(schema.own_shape, schema.layout) == (schema.layout, schema.shape)


def _levels(schema: Fields) -> bool:
    if schema.kind not in OF_LEVELS:
        return True
    return schema.levels is not None and 2 <= schema.levels < MOST_LEVELS


def _numbers(values: tuple[float, ...], size: int) -> bool:
    return len(values) in (1, size) and all(map(math.isfinite, values))


def _is_number(name: str) -> bool:
    try:
        return np.dtype(name).kind in "buif" and np.dtype(name).itemsize <= 8
    except TypeError:
        return False
