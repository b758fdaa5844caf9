"""From data to a trained model, in one call."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar

import torch

from variata import recipes, store
from variata.data import Viewed, corruption, redrawn
from variata.data.few_labels import labels_shown
from variata.errors import StoreError, UsageError
from variata.models import start
from variata.recipes import Composition
from variata.recipes.catalogue import OWN_MODULES, Preparation
from variata.shapes import numel
from variata.store import Saved
from variata.tasks.asked import read_asked
from variata.tasks.at_once import as_prepared
from variata.tasks.interrupt import interruptible, refuse_late, while_training
from variata.tasks.made import made_with, versions
from variata.tasks.model import Model
from variata.tasks.plan import announcement, chosen_device, compose
from variata.tasks.run import Run
from variata.tasks.source import DataOptions, Prepared, options_of, prepare_data, taken_apart
from variata.tasks.warm import inherited, started
from variata.training import Callback, Callbacks, History, Processes, Settings, forked, joined
from variata.training import fit as train
from variata.training.habits import habits_of

T = TypeVar("T", Settings, DataOptions)
PREPARE_ROWS = 5_000  # enough to know the margins of the data
PREPARE_NUMBERS = PREPARE_ROWS * 8_192  # at most, of large images


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
        DivergenceError: when training left the finite numbers and could not be rescued.
        InterruptError: when a signal (SIGINT, SIGTERM, SIGUSR1) ended a run that is kept in a
            folder, or came before the first step. One in memory keeps the best weights so far.

    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(200, 3))
    >>> fit(x, latent=2, hidden=(8,), epochs=2).encode(x).shape
    (200, 2)
    """
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
            job = Job(prepared, composition, how, where, run, plan, processes)
            return _train(job, callbacks, announce or _silent)


@interruptible
def resume(
    folder: str | Path,
    callbacks: Sequence[Callback] = (),
    device: str = "",
    announce: Callable[[str], None] | None = None,
) -> Model:
    """Go on with a training that was interrupted.

    Raises:
        StoreError: when there is none in the folder, or what was asked or its data has changed.
        InterruptError: when a signal ended it again.
    """
    path = Path(folder)
    plan = read_asked(path)
    record, settings = plan["data"], Settings(**plan["settings"])
    if record["source"] is None:
        raise StoreError(f"{path} cannot be resumed: its data was given in memory.")
    prepared = prepare_data(record["source"], options_of(record), record["seed"])
    if prepared.record["fingerprint"] != record["fingerprint"]:
        raise StoreError(f"{path} cannot be resumed: {record['source']} has changed since.")
    where = chosen_device(device or plan["device"])
    with (
        joined(where) as processes,
        Run(path, resume=True, writes=processes.first) as run,
    ):
        composition = compose(plan["recipe"], prepared, plan["arguments"], settings)
        job = Job(prepared, composition, settings, where, run, plan, processes)
        return _train(job, callbacks, announce or _silent)


def _silent(line: str) -> None: ...


@dataclass(frozen=True)
class Job:
    """One training: everything that was decided before its first step."""

    prepared: Prepared
    composition: Composition
    settings: Settings
    device: torch.device
    run: Run | None
    plan: dict[str, Any]
    processes: Processes


def _train(job: Job, callbacks: Sequence[Callback], announce: Callable[[str], None]) -> Model:
    composition, splits, run = job.composition, job.prepared.splits, job.run
    told = Callbacks(callbacks if job.processes.first else (), History())
    told.on_start(job.plan | {"arguments": composition.arguments, "device": str(job.device)})
    for note in told.history.notes:
        announce(note)
    most = min(PREPARE_ROWS, max(2, PREPARE_NUMBERS // numel(job.prepared.schema.shape)))
    rows = torch.arange(min(len(splits.train), most))
    with forked("cpu", job.settings.seed):
        known = splits.train.gather(rows)
        start(composition.model, known.x, known.c)
    if "init" in job.plan and (run is None or run.checkpoint.load() is None):
        announce(started(job.plan["init"], composition.model, job.prepared))
    share = composition.labelled_share
    learnt = labels_shown(splits.train, share) if share else splits.train
    view = corruption(job.settings.corrupt, job.prepared.schema)
    begun = time.monotonic()
    with told.told_of_failure():
        settings = _prepared(job, learnt, announce)
        jacobian = job.prepared.schema.log_jacobian()
        if composition.prepare_share == 1:
            more = (settings.seed, job.device, jacobian, begun)
            history = as_prepared(composition, splits.valid, *more)
            told.on_report(history.reports[-1])
            told.on_end(history)
        else:
            history = train(
                composition.model,
                composition.phases,
                redrawn(learnt),
                splits.valid if view is None else Viewed(splits.valid, view),
                settings,
                device=job.device,
                callbacks=told.callbacks,
                checkpoint=None if run is None else run.checkpoint,
                log_jacobian=jacobian,
                processes=job.processes,
            )
    if history.ended == "interrupted" and run is not None:
        raise while_training(history, run.folder)
    history.notes[:0] = told.history.notes
    saved = _saved(job, history)
    if run is not None:
        run.finish(saved)
        refuse_late(run.folder)
    return Model(saved)


def _prepared(job: Job, learnt: Any, announce: Callable[[str], None]) -> Settings:
    """Do what a recipe wants done before its phases; the settings of what is left to do."""
    made, run = job.composition, job.run
    if made.prepare is None:
        return job.settings
    whole = made.prepare_share == 1
    first, rest = (job.settings,) * 2 if whole else job.settings.divided(made.prepare_share)
    if run is None or run.checkpoint.load() is None:  # in a resumed training it is done
        announce(f"{made.recipe}: {made.prepare_share:.0%} of the training prepare the model")
        valid = job.prepared.splits.valid
        with forked("cpu", job.settings.seed):
            how = Preparation(learnt, valid, first, job.device, job.processes)
            made.prepare(made.model, how)
    return rest


def _saved(job: Job, history: History) -> Saved:
    last = history.reports[-1]
    training = {
        "ended": history.ended,
        "steps": last.step,
        "epochs": last.epoch,
        "seconds": last.seconds,
        "best_step": history.best_step,
        "skipped": history.skipped,
        "rollbacks": history.rollbacks,
        "notes": [*job.prepared.notes, *history.notes],
        "device": str(job.device),
    }
    about = {
        "data": job.prepared.record,
        "settings": job.plan["settings"],
        "training": training,
        **job.plan["made"],
        **{name: job.plan[name] for name in ("init",) if name in job.plan},
    }
    made, schema = job.composition, job.prepared.schema
    reports = [report.as_dict() for report in history.reports]
    arguments, condition = made.arguments or {}, job.prepared.condition
    return Saved(made.model, made.recipe, arguments, schema, about, reports, condition=condition)


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
