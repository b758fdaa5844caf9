"""What the verbs show: pictures for people, arrays for programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from variata.atomic import make_folder, write_atomic, write_bytes
from variata.data import Examples, Schema
from variata.errors import UsageError
from variata.pictures import (
    grid,
    interpolation,
    latent_map,
    manifold_grid,
    png_bytes,
    profile_grid,
    profile_traversal,
    project,
    reconstructions,
    traversal,
)
from variata.tasks.model import Array, Model
from variata.tasks.passes import Pass, one_pass

SHOWN_ROWS = 9  # examples in a picture of lines
SPREAD = tuple(np.linspace(-3, 3, 9).tolist())


def images_of(schema: Schema, values: Array) -> Tensor:
    """Values in own units (N, *own) as images (N, C, H, W) in [0, 1]."""
    moved = torch.as_tensor(np.asarray(values, dtype=np.float64))
    if len(schema.own_shape) == 3 and schema.shape != schema.own_shape:
        moved = moved.movedim(-1, -3)
    moved = moved.reshape(-1, *schema.shape)
    low, high = _range(schema, moved)
    images = ((moved - low) / max(high - low, 1e-12)).clamp(0, 1).float()
    return images[:, : 3 if images.shape[1] > 2 else 1]


def sample_picture(model: Model, values: Array) -> bytes:
    """A grid of images, or small plots of rows."""
    if model.schema.layout == "image":
        return png_bytes(grid(images_of(model.schema, values)))
    return profile_grid(_rows(values)[:SHOWN_ROWS], model.schema.columns, title="samples")


def reconstruction_picture(model: Model, examples: Examples, count: int = 24) -> bytes:
    """Data above its reconstructions."""
    values, rebuilt = original(examples, count), model.reconstruct(some(examples, count))
    if model.schema.layout == "image":
        above, below = (images_of(model.schema, v) for v in (values, rebuilt))
        return reconstructions(above, below)
    rows = (_rows(values)[:SHOWN_ROWS], _rows(rebuilt)[:SHOWN_ROWS])
    return profile_grid(rows[0], model.schema.columns, rows[1])


def interpolation_values(model: Model, examples: Examples, paths: int, steps: int) -> Array:
    """Decoder means between pairs of examples, (paths, steps, *own)."""
    pairs = original(examples, 2 * paths)
    return np.stack(
        [model.interpolate(pairs[2 * i], pairs[2 * i + 1], steps) for i in range(len(pairs) // 2)]
    )


def interpolation_picture(model: Model, values: Array) -> bytes:
    """Paths from one example to another."""
    paths, steps = values.shape[:2]
    if model.schema.layout == "image":
        images = images_of(model.schema, values.reshape(-1, *values.shape[2:]))
        return interpolation(images.unflatten(0, (paths, steps)))
    return profile_grid(_rows(values[0])[:SHOWN_ROWS], model.schema.columns, title="path 1")


def traversal_values(
    model: Model, observed: Pass, dimensions: int, values: tuple[float, ...] = SPREAD
) -> tuple[Array, list[int]]:
    """Decoder means where single dimensions move, (R, V, *own); the highest rate first."""
    order = by_importance(observed)[:dimensions]
    origin = np.zeros(model.latent, dtype=np.float32)
    return np.stack([model.traverse(origin, d, values) for d in order]), order


def traversal_picture(
    model: Model, observed: Pass, dimensions: int = 10, values: tuple[float, ...] = SPREAD
) -> bytes:
    """What every latent dimension does, the one with the highest rate first."""
    shown, order = traversal_values(model, observed, dimensions, values)
    importance = _importance(observed)
    rates = [float(importance[d]) for d in order]
    if model.schema.layout == "image":
        images = images_of(model.schema, shown.reshape(-1, *shown.shape[2:]))
        return traversal(images.unflatten(0, shown.shape[:2]), order, rates, values)
    lines = shown.reshape(*shown.shape[:2], -1)
    return profile_traversal(lines, order, rates, values, model.schema.columns)


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


def by_importance(observed: Pass) -> list[int]:
    """Latent dimensions, the one with the highest rate first (without a rate: the widest)."""
    return _importance(observed).argsort(descending=True).tolist()


def original(examples: Examples, count: int) -> Array:
    """The first of a fixed choice of examples, in own units."""
    chosen = some(examples, count)
    batch = chosen.gather(torch.arange(len(chosen)))
    return examples.schema.decode(batch.x, round=True)


def some(examples: Examples, count: int) -> Examples:
    """A fixed choice of rows (data may be sorted by class)."""
    order = torch.randperm(len(examples), generator=torch.Generator().manual_seed(0))
    return examples.subset(order[:count])


def observe_some(model: Model, examples: Examples, count: int = 3_000) -> tuple[Examples, Pass]:
    """A fixed choice of rows and the pass over them."""
    chosen = some(examples, count)
    return chosen, one_pass(model.module, chosen)


def write_output(path: str | Path, picture: Any, values: Any) -> Path:
    """Write `picture()` to a `.png` or `values()` to a `.npy`, whichever the name asks for.

    Raises:
        UsageError: for another ending.
        StoreError: when it cannot be written.
    """
    target = Path(path)
    make_folder(target.parent)
    if target.suffix == ".png":
        write_bytes(target, picture())
    elif target.suffix == ".npy":
        array = np.ascontiguousarray(values())
        write_atomic(target, lambda part: _save_array(part, array))
    else:
        raise UsageError(f"'{target}' must end in .png (a picture) or .npy (the values).")
    return target


def write_array(path: str | Path, values: Array) -> Path:
    """Write an array to a `.npy` file.

    Raises:
        UsageError: for another ending.
    """
    if Path(path).suffix != ".npy":
        raise UsageError(f"'{path}' must end in .npy.")
    return write_output(path, bytes, lambda: values)


def _save_array(path: Path, array: Array) -> None:
    with path.open("wb") as file:
        np.save(file, array, allow_pickle=False)


def _importance(observed: Pass) -> Tensor:
    return observed.means.var(0) if observed.rate_each is None else observed.rate_each


def _range(schema: Schema, values: Tensor) -> tuple[float, float]:
    if schema.kind in {"binary", "levels", "category"} and schema.levels:
        return schema.low, schema.low + schema.step * (schema.levels - 1)
    some = values.flatten()[:: max(1, values.numel() // 10**6)]
    low, high = some.quantile(torch.tensor([0.005, 0.995], dtype=some.dtype)).tolist()
    return low, high


def _rows(values: Array) -> Array:
    return np.asarray(values, dtype=np.float64).reshape(len(values), -1)
