"""From values alone to a schema: what kind of data this is, and which likelihood serves it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from variata.data.choices import Units, default_likelihood, units_for
from variata.data.facts import Facts, gather_facts, zeros_are_common
from variata.data.grids import Grid
from variata.data.layouts import arrange
from variata.data.looks import binary_grid, flattened_pictures, picture_grid
from variata.data.schema import Schema
from variata.data.spread import Spread, measure_spread
from variata.data.values import as_array, is_frame, unique_names
from variata.errors import DataError

LARGEST_SURE_COUNT = 2.0**24


def infer_schema(
    values: Any,
    *,
    likelihood: str | None = None,
    columns: Sequence[str] | None = None,
    label_names: Sequence[str] | None = None,
    layout: str | None = None,
) -> Schema:
    """Return the schema of `values` (N, *own_shape): the kind of data and a likelihood for it.

    The kind is the first of these that holds:

    - binary: booleans, or only the values 0 and 1; on pictures also {0, 255} and {-1, 1};
    - levels: pictures (or wide vectors that look like flattened ones, see
      `variata.data.looks.flattened_pictures`) on a grid of at most 256 grey levels;
    - count: vectors of non-negative whole numbers where at least half of the columns hold a zero,
      negative binomial when the variance exceeds 1.5 means in the median column, else Poisson;
    - real: everything else, standardised per column (images: one mean and scale for all pixels).

    All values are looked at, a chunk of rows at a time: once, and real values once more. A mapped
    file of any size therefore needs little memory.

    Categories are never guessed: name likelihood="categorical". A named likelihood decides the
    kind, and "gaussian" serves any data.

    Raises:
        DataError: no data, one row, NaN or infinity, no numbers, or a likelihood that cannot
            serve the values; says why and what can.
        ShapeError: rows that are neither vectors nor images.
        UsageError: an unknown likelihood or layout.

    >>> infer_schema([[0, 1, 1], [1, 0, 1]]).describe()
    'binary vectors, 3 columns (values 0 and 1): Bernoulli likelihood'
    >>> infer_schema([[0.5, 1.25], [-2.0, 7.5], [0.1, 0.2]]).kind
    'real'
    """
    names = _column_names(values, columns)
    array = as_array(values, names)
    _require_rows(array)
    how, shape = arrange(array.shape[1:], layout)
    names = _checked_names(names, shape, how)
    facts = gather_facts(array, how == "image", names)
    kind, grid = _guess(facts, how) if likelihood is None else units_for(likelihood, facts)
    spread = measure_spread(array, facts) if kind == "real" else Spread((0.0,), (1.0,), (1.0,))
    return Schema(
        kind=kind,
        layout=how,
        shape=shape,
        own_shape=array.shape[1:],
        dtype=array.dtype.name,
        levels=grid.levels if grid else None,
        low=grid.low if grid else 0.0,
        step=grid.step if grid else 1.0,
        mean=spread.mean,
        scale=spread.scale,
        resolution=spread.resolution,
        columns=names,
        label_names=tuple(map(str, label_names)) if label_names is not None else None,
        likelihood=likelihood or default_likelihood(kind, grid, array),
    )


def _guess(facts: Facts, layout: str) -> Units:
    picture = layout == "image" or flattened_pictures(facts)
    pair = binary_grid(facts)
    if pair and _sure_pair(facts, pair, layout):
        return "binary", pair
    grid = picture_grid(facts) if picture else None
    if grid:
        return "levels", grid
    counted = facts.whole and facts.low >= 0 and not facts.constant
    if layout == "vector" and counted and facts.high <= LARGEST_SURE_COUNT:
        return ("count", None) if zeros_are_common(facts) else ("real", None)
    return "real", None


def _sure_pair(facts: Facts, pair: Grid, layout: str) -> bool:
    if facts.dtype.kind == "b":
        return True
    wide = layout == "image" or facts.width >= 64
    return facts.two and (wide or (pair.low, pair.step) == (0.0, 1.0))


def _require_rows(array: np.ndarray) -> None:
    if array.ndim == 0:
        raise DataError("The data is a single number; it needs at least 2 rows of them.")
    if array.size == 0:
        raise DataError(f"The data is empty (shape {array.shape}); it needs at least 2 rows.")
    if len(array) == 1:
        raise DataError("The data needs at least 2 rows, got 1.")


def _column_names(values: Any, columns: Sequence[str] | None) -> tuple[str, ...] | None:
    if columns is not None:
        return unique_names(columns)
    return unique_names(values.columns) if is_frame(values) else None


def _checked_names(
    names: tuple[str, ...] | None, shape: tuple[int, ...], layout: str
) -> tuple[str, ...] | None:
    if names is None or layout == "image":
        return None
    if len(names) != shape[0]:
        raise DataError(f"Expected {shape[0]} column names, got {len(names)}.")
    return names
