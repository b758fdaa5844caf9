"""From data to a trained model, in one call."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

from variata import recipes, store
from variata.errors import StoreError, UsageError
from variata.recipes.catalogue import OWN_MODULES
from variata.tasks.asked import how_to_go_on, read_asked
from variata.tasks.interrupt import interruptible
from variata.tasks.job import Job, trained
from variata.tasks.made import made_with, versions
from variata.tasks.model import Model
from variata.tasks.plan import announcement, chosen_device, compose
from variata.tasks.run import Run
from variata.tasks.source import (
    DataOptions,
    Given,
    changed,
    options_of,
    prepare_data,
    taken_apart,
)
from variata.tasks.warm import inherited
from variata.training import Callback, Settings, joined
from variata.training.habits import habits_of

T = TypeVar("T", Settings, DataOptions)


@interruptible
def fit(
    data: Any,
    recipe: str | None = None,
    *,
    init: str | Path | None = None,
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
        recipe: name of a recipe, `vae` unless said; see `variata.recipes.names()`.
        init: a trained run to start from: its recipe and arguments unless others are given, and its
            weights where they fit. The data may be other data of the same shape.
        options: how to read and divide the data. Among them, `condition` makes any recipe one of
            p(x given c): the names of columns, "label" for the data's labels, or the values (N,) or
            (N, F) themselves; whole numbers and texts are classes.
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
        DivergenceError: when training left the finite numbers and could not be rescued. The best
            weights before, if some were validated, are saved in `out`, and are the error's `model`.
        InterruptError: when a signal (SIGINT, SIGTERM, SIGUSR1) ended a run that is kept in a
            folder, or came before the first step. One in memory keeps the best weights so far.

    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(200, 3))
    >>> fit(x, latent=2, hidden=(8,), epochs=2).encode(x).shape
    (200, 2)
    """
    begun = time.monotonic()
    how, arguments = _taken(settings or Settings(), arguments)
    reading, arguments = _taken(options or DataOptions(), arguments)
    reading, given = taken_apart(reading, data)
    recipe, arguments, record = inherited(init, recipe, arguments)
    recipes.get(recipe)
    for name in arguments:
        recipes.get(recipe).checked(name, arguments[name])
    where = chosen_device(device)
    _refuse_unsavable(out, arguments)
    with joined(where) as processes:
        if out is not None and processes.first:
            store.refuse_in_use(Path(out))
        with processes.in_turn(where):
            prepared = prepare_data(data, reading, how.seed, announce or _silent, given)
        run = None if out is None else Run(Path(out), writes=processes.first)
        with run or nullcontext():
            composition = compose(recipe, prepared, arguments, how)
            how = how.resolved(len(prepared.splits.train), habits_of(composition.model))
            plan = {"recipe": recipe, "arguments": arguments, "settings": how.as_dict()}
            made = {"versions": versions()} if run is None else made_with()
            plan |= {"data": prepared.record, "device": device}
            plan |= {} if record is None else {"init": record}
            plan |= {"id": uuid.uuid4().hex, "made": made}
            if run is not None:
                run.write_plan(plan)
            for line in announcement(prepared, composition, where, processes.count):
                (announce or _silent)(line)
            job = Job(prepared, composition, how, where, run, plan, processes, begun)
            return trained(job, callbacks, announce or _silent)


@interruptible
def resume(
    folder: str | Path,
    callbacks: Sequence[Callback] = (),
    device: str = "",
    announce: Callable[[str], None] | None = None,
    *,
    data: Any = None,
    condition: Any = None,
    label: Any = None,
) -> Model:
    """Go on with a training that was interrupted.

    Args:
        folder: of the run.
        callbacks: what may watch.
        device: to train on; that of the run unless said.
        announce: is told what should be known.
        data: the same as before, where it was given in memory and has no name.
        condition, label: the same of values that were given beside it.

    Raises:
        StoreError: when there is none in the folder, or what was asked or its data has changed.
        InterruptError: when a signal ended it again.
    """
    path = Path(folder)
    plan = read_asked(path)
    record, settings = plan["data"], Settings(**plan["settings"])
    if record["source"] is None and data is None:
        raise StoreError(
            f"{path} cannot be resumed without what was given in memory: use {how_to_go_on(path)}."
        )
    source = record["source"] if data is None else data
    given = Given(condition, label)
    if missing := [name for name in record.get("given", []) if name not in given.names]:
        raise StoreError(
            f"{path} cannot be resumed without {', '.join(missing)}: use {how_to_go_on(path)}."
        )
    where = chosen_device(device or plan["device"])
    with joined(where) as processes:
        with processes.in_turn(where):
            prepared = prepare_data(source, options_of(record), record["seed"], given=given)
        if what := changed(record, prepared.record):
            name = "the data" if data is not None else source
            raise StoreError(f"{path} cannot be resumed with {name}: {what}. Train anew.")
        with Run(path, resume=True, writes=processes.first) as run:
            run.read_plan()  # it may have been ended by another while the data was read
            composition = compose(plan["recipe"], prepared, plan["arguments"], settings)
            job = Job(prepared, composition, settings, where, run, plan, processes)
            return trained(job, callbacks, announce or _silent)


def _silent(line: str) -> None: ...


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
