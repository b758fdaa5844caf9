"""One training: from everything that was decided to a model, saved where it has a folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch

from variata.data import Viewed, corruption, redrawn
from variata.data.few_labels import labels_shown
from variata.errors import DivergenceError
from variata.models import start
from variata.recipes import Composition
from variata.recipes.catalogue import Preparation
from variata.shapes import numel
from variata.store import Saved
from variata.store.folder import HISTORY
from variata.tasks.at_once import as_prepared
from variata.tasks.history_file import HistoryFile
from variata.tasks.interrupt import refuse_late, while_training
from variata.tasks.model import Model
from variata.tasks.run import Run
from variata.tasks.source import Prepared
from variata.tasks.warm import started
from variata.training import Callback, Callbacks, History, Processes, Settings, fit, forked
from variata.training.signals import StopRequest

PREPARE_ROWS = 5_000  # enough to know the margins of the data
PREPARE_NUMBERS = PREPARE_ROWS * 8_192  # at most, of large images


@dataclass(frozen=True)
class Job:
    """One training: everything that was decided before its first step.

    Attributes:
        begun: when reading began, from which a budget counts; None counts from now on.
    """

    prepared: Prepared
    composition: Composition
    settings: Settings
    device: torch.device
    run: Run | None
    plan: dict[str, Any]
    processes: Processes
    begun: float | None = None


def trained(job: Job, callbacks: Sequence[Callback], announce: Callable[[str], None]) -> Model:
    """Train, or go on, and save.

    Raises:
        DivergenceError: see `variata.fit`.
        InterruptError: when a signal ended a training that is kept in a folder.
    """
    composition, splits, run = job.composition, job.prepared.splits, job.run
    own = [] if run is None else [HistoryFile(run.folder / HISTORY, run.checkpoint.step())]
    told = Callbacks([*own, *callbacks] if job.processes.first else (), History())
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
    with told.told_of_failure(), _saved_on_divergence(job):
        settings = _prepared(job, learnt, announce)
        jacobian = job.prepared.schema.log_jacobian()
        if composition.prepare_share == 1:
            more = (settings.seed, job.device, jacobian, begun)
            history = as_prepared(composition, splits.valid, *more)
            told.on_report(history.reports[-1])
            told.on_end(history)
        else:
            history = fit(
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


@contextmanager
def _saved_on_divergence(job: Job) -> Iterator[None]:
    """Where training diverges within, keep the model with its best weights before."""
    try:
        yield
    except DivergenceError as error:
        if error.history is None:
            raise
        saved = _saved(job, error.history)
        error.model = Model(saved)
        if job.run is None:
            raise
        job.run.finish(saved)
        kept = f"{error} The best weights before, of step {error.history.best_step}, are the model "
        again = DivergenceError(f"{kept}in {job.run.folder}.")
        again.history, again.model = error.history, error.model
        raise again from None


def _prepared(job: Job, learnt: Any, announce: Callable[[str], None]) -> Settings:
    """Do what a recipe wants done before its phases; the settings of what is left to do."""
    made, run, begun = job.composition, job.run, time.monotonic()
    settings = job.settings if job.begun is None else _left(job.settings, job.begun)
    if made.prepare is None:
        return settings
    whole = made.prepare_share == 1
    first, rest = (settings,) * 2 if whole else settings.divided(made.prepare_share)
    if run is None or run.checkpoint.load() is None:  # in a resumed training it is done
        announce(f"{made.recipe}: {made.prepare_share:.0%} of the training prepare the model")
        valid = job.prepared.splits.valid
        with forked("cpu", job.settings.seed):
            how = Preparation(learnt, valid, first, job.device, job.processes)
            try:
                made.prepare(made.model, how)
            except DivergenceError as error:
                error.history = None  # a part of a model is none to keep
                raise
        StopRequest.begin_anew()
        if not whole and settings.budget and rest.budget:  # which had time of its own
            over = time.monotonic() - begun - (settings.budget - rest.budget)
            rest = _left(rest, time.monotonic() - max(0.0, over))
    return rest


def _named(device: torch.device) -> str:
    """The device, and what it is where it has a name."""
    if device.type != "cuda":
        return str(device)
    return f"{device} ({torch.cuda.get_device_name(device)})"


def _left(settings: Settings, begun: float) -> Settings:
    """The budget less what has gone by, of which at least half is for training.

    >>> now = time.monotonic()
    >>> round(_left(Settings(budget=20), now - 3).budget or 0), _left(Settings(), now).budget
    (17, None)
    """
    budget, seconds = settings.budget, time.monotonic() - begun
    return replace(settings, budget=budget and budget - min(seconds, budget / 2))


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
        "device": _named(job.device),
        "how": history.how,
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
