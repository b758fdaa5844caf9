"""Paths between examples: what is decoded along them, as pictures and films."""

from __future__ import annotations

import numpy as np
import torch

from variata.data import Examples
from variata.doctor.words import counted
from variata.errors import DataError, UsageError
from variata.pictures import column_paths, gif_bytes, grid, interpolation, profile_paths
from variata.tasks.model import Array, Model
from variata.tasks.show import (
    SHOWN_ROWS,
    deviations_of,
    images_of,
    is_table,
    original,
    places_of,
    some,
)


def interpolation_values(
    model: Model,
    examples: Examples,
    paths: int,
    steps: int,
    stops: int = 2,
    path: str = "linear",
    loop: bool = False,
) -> Array:
    """Decoder means on paths through examples, (paths, steps, *own); see `Model.interpolate`.

    With a condition, each path is under that of its first example, unless the model assumes one.

    Args:
        stops: examples on each path.

    Raises:
        DataError: for fewer examples than that.
    """
    if len(examples) < stops:
        count = {2: "two"}.get(stops, str(stops))
        raise DataError(
            f"A path needs {count} rows, and there is {len(examples)}: name data with more."
        )
    rows = original(examples, stops * paths)
    context = None if model.assumed else some(examples, stops * paths).context

    def one(i: int) -> Array:
        given = None if context is None else context.subset(torch.tensor([i]))
        start, *through, end = rows[i : i + stops]
        return model.interpolate(
            start, end, steps, through=through, path=path, loop=loop, condition=given
        )

    return np.stack([one(i) for i in range(0, len(rows) - stops + 1, stops)])


def interpolation_picture(model: Model, values: Array) -> bytes:
    """Paths from one example to another."""
    paths, steps = values.shape[:2]
    if model.schema.layout == "image":
        images = images_of(model.schema, values.reshape(-1, *values.shape[2:]))
        return interpolation(images.unflatten(0, (paths, steps)))
    lines, schema = values.reshape(paths, steps, -1), model.schema
    if is_table(schema):
        return column_paths(lines, schema.columns, deviations_of(schema), counted(paths, "path"))
    return profile_paths(lines[:SHOWN_ROWS], places_of(schema))


def interpolation_film(model: Model, values: Array, fps: float) -> bytes:
    """Paths side by side as a film, a frame for every step.

    Raises:
        UsageError: what the paths go through is no images.
    """
    if model.schema.layout != "image":
        raise UsageError("A film (.gif) is of images, and these rows are none: write a .png.")
    steps = values.swapaxes(0, 1)
    images = images_of(model.schema, steps.reshape(-1, *values.shape[2:]))
    return gif_bytes([grid(frame) for frame in images.unflatten(0, steps.shape[:2])], fps)
