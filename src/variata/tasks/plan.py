"""What is decided before training: the device, the model, and the lines that say so."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import torch

from variata import recipes
from variata.batch import Batch
from variata.data import Schema, View, corruption, draw
from variata.doctor.words import counted
from variata.errors import UsageError
from variata.nn import PatchEncoder
from variata.recipes import Composition
from variata.shapes import numel
from variata.tasks.conditions import LABEL
from variata.tasks.source import Prepared
from variata.training import Phase, Settings, forked
from variata.training.habits import has_convolutions

TOLD_BY_DATA = ("shape", "likelihood", "levels", "floor", "context")  # arguments of every recipe


def compose(
    recipe: str, prepared: Prepared, arguments: dict[str, Any], settings: Settings
) -> Composition:
    """Call a recipe for such data, with weights that depend on the seed alone."""
    schema, condition = prepared.schema, prepared.condition
    known = {
        "shape": schema.shape,
        "likelihood": schema.likelihood,
        "levels": schema.levels,
        "floor": scale_floor(schema),
        "context": None if condition is None else condition.width,
    }
    known |= recipes.get(recipe).told_by_rows(len(prepared.splits.train))
    known |= _classes(recipe, prepared, arguments)
    first = draw if prepared.record["options"]["binarise"] else None
    last = corruption(settings.corrupt, schema)
    with forked("cpu", settings.seed):
        made = recipes.build(recipe, **known | arguments)
    return replace(made, phases=[_seen(phase, first, last) for phase in made.phases])


def _classes(recipe: str, prepared: Prepared, arguments: dict[str, Any]) -> dict[str, int]:
    """How many classes the labels have, for a recipe that learns from them.

    Raises:
        UsageError: when fewer were asked for, or labels are the model's condition.
    """
    own, labels = recipes.get(recipe).own.get("classes"), prepared.schema.label_names
    if own is None or own.default is not None:
        return {}
    named = {LABEL, prepared.record["options"]["label"]}
    if prepared.condition is not None and named & {*prepared.condition.names}:
        raise UsageError(
            f"{recipe} learns to tell labels, so it cannot be conditioned on them: leave "
            "--condition out, or take another recipe, such as vae."
        )
    if labels is None:
        return {}
    count = len(labels)
    if (asked := arguments.get("classes") or count) < count:
        raise UsageError(
            f"{recipe} was asked for {asked} classes, and the labels have {count}: leave classes "
            "out, or give more, of which the others are found without labels."
        )
    return {"classes": count}


def _seen(phase: Phase, first: View | None, last: View | None) -> Phase:
    """The same phase, whose batches are seen in one view before its own, and in one after it."""
    views = [view for view in (first, phase.view, last) if view is not None]

    def view(batch: Batch) -> Batch:
        for each in views:
            batch = each(batch)
        return batch

    return replace(phase, view=view) if views else phase


def scale_floor(schema: Schema) -> float | tuple[float, ...]:
    """The smallest scale of a Gaussian likelihood: the standard deviation of rounding."""
    floors = [max(1e-4, gap / 12**0.5) for gap in schema.resolution] or [1e-3]
    return tuple(floors) if len(floors) == numel(schema.shape) > 1 else max(floors)


def chosen_device(name: str) -> torch.device:
    """The device of this name; "auto" takes CUDA, then MPS, then the CPU.

    Of several processes on a machine, each takes a CUDA device of its own.

    Raises:
        UsageError: when there is no such device.
    """
    if name == "auto":
        cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
        name = "cuda" if cuda else "mps" if mps else "cpu"
    if name == "cuda" and "LOCAL_RANK" in os.environ:
        name = f"cuda:{os.environ['LOCAL_RANK']}"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
        return device
    except (RuntimeError, AssertionError, NotImplementedError):
        raise UsageError(
            f"There is no device '{name}' here. Use device='auto' or 'cpu', and no more processes "
            "on a machine than it has accelerators."
            if "LOCAL_RANK" in os.environ
            else f"There is no device '{name}' here. Use device='auto' or 'cpu'."
        ) from None


def announcement(
    prepared: Prepared, composition: Composition, device: torch.device, processes: int = 1
) -> list[str]:
    """A few lines that say what was seen in the data and chosen for it."""
    arguments, rows = composition.arguments or {}, prepared.record["rows"]
    parameters = sum(p.numel() for p in composition.model.parameters())
    latents = len(composition.model.levels)
    reading = composition.model.encoder if latents else composition.model
    convolves = has_convolutions(reading)
    patches = any(isinstance(module, PatchEncoder) for module in reading.modules())
    network = "broadcast" if patches else "conv" if convolves else arguments["network"]
    made = (
        f"{composition.recipe}: {arguments['latent'] if latents else 'no'} latent dimensions, "
        f"{network} network, {parameters:,} parameters, "
        f"on {device}"
        f"{f' by {processes} processes' if processes > 1 else ''}"
    )
    divided = (
        f"{counted(rows[0], 'row')} to learn from, {rows[1]:,} to choose by, "
        f"{rows[2]:,} kept for the test"
    )
    return [
        *prepared.notes,
        f"{prepared.name}: {prepared.schema.describe()}",
        divided,
        made,
    ]
