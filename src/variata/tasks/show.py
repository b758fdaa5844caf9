"""What the verbs show: pictures for people, arrays for programs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from variata.data import Examples, Schema
from variata.doctor.words import counted
from variata.errors import DataError
from variata.metrics import KnownPrior
from variata.pictures import (
    column_changes,
    column_histograms,
    column_scatter,
    grid,
    latent_map,
    manifold_grid,
    png_bytes,
    profile_grid,
    profile_traversal,
    project,
    reconstructions,
    traversal,
)
from variata.tasks.abilities import require_encoder
from variata.tasks.model import Array, Model
from variata.tasks.passes import Pass, one_pass
from variata.tasks.source import reopened
from variata.tasks.traversals import SPREAD, importance, traversal_values

SHOWN_ROWS = 9  # examples in a picture of lines
SHOWN_PAIRS, SHOWN_POINTS = 24, 500  # reconstructions in a picture, and in one of a table
KNOWN_ROWS = 5_000  # of the data, beside samples of a table
LINES = 24  # columns above which unnamed ones are the points of one line
ONE_SCALE = 30.0  # ratio of standard deviations up to which columns can share an axis
NUMERIC = re.compile(r"[-+]?\d+(\.\d*)?")  # a name that only counts or measures


def images_of(schema: Schema, values: Array) -> Tensor:
    """Values in own units (N, *own) as images (N, C, H, W) in [0, 1]."""
    moved = torch.as_tensor(np.asarray(values, dtype=np.float64))
    if len(schema.own_shape) == 3 and schema.shape != schema.own_shape:
        moved = moved.movedim(-1, -3)
    moved = moved.reshape(-1, *schema.shape)
    low, high = _range(schema, moved)
    images = ((moved - low) / max(high - low, 1e-12)).clamp(0, 1).float()
    return images[:, : 3 if images.shape[1] > 2 else 1]


def is_table(schema: Schema) -> bool:
    """Whether columns are quantities of their own rather than the points of one line."""
    if schema.layout != "vector" or schema.shape[0] <= LINES:
        return schema.layout == "vector"
    if schema.kind == "levels":  # pictures, flattened
        return False
    return _named(schema.columns) or max(schema.scale) > ONE_SCALE * min(schema.scale)


def sample_picture(
    model: Model, values: Array, what: str = "sample", data: Examples | None = None
) -> bytes:
    """A grid of images, small plots of lines, or of a table each column's distribution.

    Args:
        model: whose schema says which.
        values: in own units, (N, *own).
        what: one of them is called.
        data: rows that the columns of a table are drawn beside.
    """
    schema, told = model.schema, counted(len(values), what)
    if schema.layout == "image":
        return png_bytes(grid(images_of(schema, values)))
    rows = _rows(values)
    if not is_table(schema):
        title = _of(SHOWN_ROWS, told, rows)
        return profile_grid(rows[:SHOWN_ROWS], title=title, at=places_of(schema))
    if data is None:
        return column_histograms(rows, schema.columns, title=told)
    known = _rows(original(data, KNOWN_ROWS))
    title = f"{told} beside {counted(len(known), 'row')} of data"
    return column_histograms(rows, schema.columns, known, title, (f"{what}s", "data"))


def rows_beside(model: Model) -> Examples | None:
    """The rows that a table was trained on; None for other data, or where they are not at hand."""
    if not is_table(model.schema):
        return None
    try:
        return reopened(model.saved.about.get("data", {})).train
    except DataError:
        return None


def reconstruction_picture(
    model: Model,
    examples: Examples,
    count: int | None = None,
    target: Any = None,
    shift: Array | None = None,
) -> bytes:
    """Data above its reconstructions; of a table, one against the other for each column.

    Args:
        target, shift: as in `Model.reconstruct`.
    """
    schema = model.schema
    count = count or (SHOWN_POINTS if is_table(schema) else SHOWN_PAIRS)
    values = original(examples, count)
    rebuilt = model.reconstruct(some(examples, count), target=target, shift=shift)
    return compared(schema, {"data": values, "reconstruction": rebuilt})


def compared(schema: Schema, sets: Mapping[str, Array]) -> bytes:
    """Rows in own units beside one another: images by name; of vectors, the first two sets."""
    if schema.layout == "image":
        images = images_of(schema, np.concatenate(list(sets.values())))
        return reconstructions(dict(zip(sets, images.chunk(len(sets)), strict=True)))
    (name, rows), (other, made) = list(sets.items())[:2]
    rows, made, told = _rows(rows), _rows(made), counted(len(rows), "row")
    if is_table(schema):
        return column_scatter(rows, made, schema.columns, told, (name, other))
    title, places = _of(SHOWN_ROWS, told, rows), places_of(schema)
    return profile_grid(rows[:SHOWN_ROWS], made[:SHOWN_ROWS], title, places, (name, other))


def traversal_picture(
    model: Model,
    observed: Pass,
    prior: KnownPrior | None,
    dimensions: int = 10,
    values: tuple[float, ...] = SPREAD,
    data: Examples | None = None,
) -> bytes:
    """What every latent dimension does, the one with the highest rate first.

    Columns of a table change in standard deviations, which those that are no real numbers have
    from `data`; without it they change in own units.
    """
    shown, order = traversal_values(model, observed, prior, dimensions, values)
    told, schema = importance(observed), model.schema
    rates = [float(told[d]) for d in order]
    if schema.layout == "image":
        images = images_of(schema, shown.reshape(-1, *shown.shape[2:]))
        return traversal(images.unflatten(0, shown.shape[:2]), order, rates, values)
    lines = shown.reshape(*shown.shape[:2], -1)
    if is_table(schema):
        scale = deviations_of(schema, data)
        return column_changes(lines, order, rates, values, schema.columns, scale)
    return profile_traversal(lines, order, rates, values, places_of(schema))


def map_picture(
    model: Model, examples: Examples, means: Tensor, method: str, seed: int = 0
) -> bytes:
    """Posterior means in two dimensions, coloured by label."""
    points, rows = project(means, method, seed=seed)
    labels = None if examples.labels is None else examples.labels[torch.as_tensor(rows)]
    names = {"pca": "PCA", "tsne": "t-SNE", "latent": "the two latent dimensions"}
    return latent_map(points, labels, model.schema.label_names, f"Latents, {names[method]}")


def map_methods(model: Model, rows: int) -> list[str]:
    """The maps that make sense for a model and as many rows."""
    if model.latent == 1 or rows < 4:
        return []
    return (["latent"] if model.latent == 2 else []) + ["pca", "tsne"]


def manifold_picture(model: Model, n: int = 20) -> bytes | None:
    """What a latent plane decodes to; None for other latents, or data without images."""
    if model.latent != 2 or model.schema.layout != "image":
        return None
    return png_bytes(manifold_grid(lambda z: images_of(model.schema, model.decode(z.numpy())), n))


def original(examples: Examples, count: int) -> Array:
    """The first of a fixed choice of examples, in own units."""
    return in_own_units(some(examples, count))


def in_own_units(examples: Examples) -> Array:
    """All rows in their order, (N, *own)."""
    return examples.schema.decode(examples.all().x, round=True)


def under(model: Model, examples: Examples) -> Model:
    """The model under one condition, that of one of the examples; as it is where it needs none."""
    if model.condition is None or model.assumed is not None or examples.context is None:
        return model
    return model.given(some(examples, 1).context)


def some(examples: Examples, count: int) -> Examples:
    """A fixed choice of rows (data may be sorted by class)."""
    order = torch.randperm(len(examples), generator=torch.Generator().manual_seed(0))
    return examples.subset(order[:count])


def observe_some(model: Model, examples: Examples, count: int = 3_000) -> tuple[Examples, Pass]:
    """A fixed choice of rows and the pass over them.

    Raises:
        UsageError: the model knows no latents of examples.
    """
    require_encoder(model.recipe, model.module, "show latents of examples")
    chosen = some(examples, count)
    return chosen, one_pass(model.module, chosen)


def _range(schema: Schema, values: Tensor) -> tuple[float, float]:
    if schema.kind in {"binary", "levels", "category"} and schema.levels:
        return schema.low, schema.high
    some = values.flatten()[:: max(1, values.numel() // 10**6)]
    low, high = some.quantile(torch.tensor([0.005, 0.995], dtype=some.dtype)).tolist()
    return low, high


def _rows(values: Array) -> Array:
    return np.asarray(values, dtype=np.float64).reshape(len(values), -1)


def _of(most: int, told: str, rows: Array) -> str:
    return told if len(rows) <= most else f"{most} of {told}"


def _named(columns: Sequence[str] | None) -> bool:
    """Whether columns have names that are more than numbers, such as wavelengths."""
    return columns is not None and not all(NUMERIC.fullmatch(name) for name in columns)


def places_of(schema: Schema) -> list[float] | None:
    """Where columns lie on their axis, if their names are rising or falling numbers."""
    if schema.columns is None or _named(schema.columns):
        return None
    places = [float(name) for name in schema.columns]
    steps = np.diff(places)
    return places if (steps > 0).all() or (steps < 0).all() else None


def deviations_of(schema: Schema, data: Examples | None = None) -> Array | None:
    """The standard deviation of every column; None where neither schema nor data knows it."""
    if schema.kind == "real":
        return np.asarray(schema.scale)
    if data is None or len(data) < 2:
        return None
    spread = _rows(original(data, KNOWN_ROWS)).std(0)
    return np.where(spread > 0, spread, 1.0)
