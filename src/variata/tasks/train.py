"""From data to a trained model, in one call."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

import torch

from variata import recipes, store
from variata.errors import InterruptError, StoreError, UsageError
from variata.models import start
from variata.recipes import Composition
from variata.recipes.catalogue import OWN_MODULES
from variata.shapes import numel
from variata.store import Saved
from variata.tasks.model import Model
from variata.tasks.plan import announcement, chosen_device, compose
from variata.tasks.run import Run
from variata.tasks.source import DataOptions, Prepared, options_of, prepare_data
from variata.training import Callback, History, Settings, forked
from variata.training import fit as train
from variata.training.habits import habits_of
from variata.version import __version__

T = TypeVar("T", Settings, DataOptions)
PREPARE_ROWS = 5_000  # enough to know the margins of the data
PREPARE_NUMBERS = PREPARE_ROWS * 8_192  # at most, of large images


def fit(
    data: Any,
    recipe: str = "vae",
    *,
    options: DataOptions | None = None,
    settings: Settings | None = None,
    device: str = "auto",
    out: str | Path | None = None,
    callbacks: Sequence[Callback] = (),
    announce: Callable[[str], None] | None = None,
    **arguments: Any,
) -> Model:
    """Train a recipe on data.

    Args:
        data: a name of the catalogue, a path, arrays, frames, or a torch data set.
        recipe: name of a recipe; see `variata.recipes.names()`.
        options: how to read and divide the data.
        settings: how to train; single settings may be given by name instead, such as `epochs=10`.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        out: an empty or new folder to save the run in; None keeps the model in memory only.
        callbacks: what may watch.
        announce: is told, in a few lines, what was seen and chosen.
        arguments: of the recipe, the settings or the options, by name.

    Returns:
        The trained model.

    Raises:
        DataError: when the data cannot be used.
        UsageError: for an unknown recipe or argument.
        StoreError: when `out` is in use or cannot be written.
        DivergenceError: when training left the finite numbers and could not be rescued.
        InterruptError: when a signal ended a run that is kept in a folder.

    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(200, 3))
    >>> fit(x, latent=2, hidden=(8,), epochs=2).encode(x).shape
    (200, 2)
    """
    how, arguments = _taken(settings or Settings(), arguments)
    reading, arguments = _taken(options or DataOptions(), arguments)
    recipes.get(recipe)
    for name in arguments:
        recipes.get(recipe).checked(name, arguments[name])
    where = chosen_device(device)
    _refuse_unsavable(out, arguments)
    if out is not None:
        store.refuse_in_use(Path(out))
    prepared = prepare_data(data, reading, how.seed, announce or _silent)
    run = None if out is None else Run(Path(out))
    with run or nullcontext():
        composition = compose(recipe, prepared.schema, arguments, how.seed)
        how = how.resolved(len(prepared.splits.train), habits_of(composition.model))
        plan = {"recipe": recipe, "arguments": arguments, "settings": how.as_dict()}
        if run is not None:
            run.write_plan(plan | {"data": prepared.record, "device": device})
        for line in announcement(prepared, composition, where):
            (announce or _silent)(line)
        return _train(prepared, composition, how, where, run, callbacks)


def resume(folder: str | Path, callbacks: Sequence[Callback] = (), device: str = "") -> Model:
    """Go on with a training that was interrupted.

    Raises:
        StoreError: when there is none in the folder, or its data has changed.
    """
    path = Path(folder)
    plan = Run.read_plan(path)
    record, settings = plan["data"], Settings(**plan["settings"])
    if record["source"] is None:
        raise StoreError(f"{path} cannot be resumed: its data was given in memory.")
    prepared = prepare_data(record["source"], options_of(record), record["seed"])
    if prepared.record["fingerprint"] != record["fingerprint"]:
        raise StoreError(f"{path} cannot be resumed: {record['source']} has changed since.")
    where = chosen_device(device or plan["device"])
    with Run(path, resume=True) as run:
        composition = compose(plan["recipe"], prepared.schema, plan["arguments"], settings.seed)
        return _train(prepared, composition, settings, where, run, callbacks)


def _silent(line: str) -> None: ...


def _train(
    prepared: Prepared,
    composition: Composition,
    settings: Settings,
    device: torch.device,
    run: Run | None,
    callbacks: Sequence[Callback],
) -> Model:
    most = min(PREPARE_ROWS, max(2, PREPARE_NUMBERS // numel(prepared.schema.shape)))
    rows = torch.arange(min(len(prepared.splits.train), most))
    with forked("cpu", settings.seed):
        start(composition.model, prepared.splits.train.gather(rows).x)
    history = train(
        composition.model,
        composition.phases,
        prepared.splits.train,
        prepared.splits.valid,
        settings,
        device=device,
        callbacks=callbacks,
        checkpoint=None if run is None else run.checkpoint,
        log_jacobian=prepared.schema.log_jacobian(),
    )
    if history.ended == "interrupted" and run is not None:
        raise _interrupted(history, run)
    saved = _saved(prepared, composition, settings, device, history)
    if run is not None:
        store.save(saved, run.folder)
        run.finish()
    return Model(saved)


def _saved(
    prepared: Prepared,
    composition: Composition,
    settings: Settings,
    device: torch.device,
    history: History,
) -> Saved:
    last = history.reports[-1]
    training = {
        "ended": history.ended,
        "steps": last.step,
        "epochs": last.epoch,
        "seconds": last.seconds,
        "best_step": history.best_step,
        "skipped": history.skipped,
        "notes": [*prepared.notes, *history.notes],
        "device": str(device),
    }
    versions = {"variata": __version__, "torch": torch.__version__}
    about = {
        "data": prepared.record,
        "settings": settings.as_dict(),
        "training": training,
        "versions": versions | {"python": platform.python_version()},
    }
    reports = [report.as_dict() for report in history.reports]
    arguments = composition.arguments or {}
    return Saved(composition.model, composition.recipe, arguments, prepared.schema, about, reports)


def _interrupted(history: History, run: Run) -> InterruptError:
    error = InterruptError(
        f"Stopped at step {history.step}, with everything saved. Go on with: "
        f"variata train --resume {run.folder}"
    )
    error.exit_code = 128 + (history.signal or 2)
    return error


def _refuse_unsavable(out: str | Path | None, arguments: dict[str, Any]) -> None:
    own = [name for name in OWN_MODULES if arguments.get(name) is not None]
    if out is not None and own:
        raise UsageError(
            f"A run with a module of your own ({', '.join(own)}) cannot be saved by name: write it "
            "as a function with @variata.recipes.recipe, or train with out=None."
        )


def _taken(record: T, arguments: dict[str, Any]) -> tuple[T, dict[str, Any]]:
    names = {field.name for field in fields(record)} & set(arguments)
    taken = {name: arguments[name] for name in names}
    rest = {name: value for name, value in arguments.items() if name not in names}
    return replace(record, **taken), rest
