"""`fit`: train a model in place."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

import torch

from variata.errors import DivergenceError, StoreError
from variata.models import LatentModel
from variata.training.callbacks import Callback, Callbacks
from variata.training.checkpoint import Checkpoint, State
from variata.training.clock import Clock
from variata.training.course import Course, save
from variata.training.habits import habits_of, has_convolutions
from variata.training.history import History
from variata.training.known import known
from variata.training.loop import Loop
from variata.training.machine import How, applied, usual, within
from variata.training.phase import Phase, players_of
from variata.training.processes import ALONE, Processes
from variata.training.randomness import forked
from variata.training.resident import place_of, resident
from variata.training.sampler import batches, steps_per_epoch
from variata.training.settings import Settings
from variata.training.signals import StopRequest
from variata.training.state import take_up
from variata.training.stepper import Graphs
from variata.training.trial import chosen, rehearsal
from variata.training.validation import Examples


def fit(
    model: LatentModel,
    phases: Sequence[Phase],
    train: Examples,
    valid: Examples,
    settings: Settings | None = None,
    *,
    device: torch.device | str = "cpu",
    callbacks: Sequence[Callback] = (),
    checkpoint: Checkpoint | None = None,
    log_jacobian: float = 0.0,
    processes: Processes = ALONE,
) -> History:
    """Train a model in place; it ends with the weights that were best on the validation rows.

    The caller's random state is left as it was. A signal (SIGINT, SIGTERM, SIGUSR1) ends training
    after the step at hand, with a checkpoint where one is kept; until the first step has been
    taken, at once (`Stopped`).

    Args:
        model: moved to `device` and trained.
        phases: what is minimised, one after the other.
        train: examples to learn from.
        valid: examples to choose by; never learnt from.
        settings: how to train.
        device: where.
        callbacks: what may watch.
        checkpoint: where the state is kept, and taken up from when there is one.
        log_jacobian: nats to add to log densities, so that figures are in the data's own units.
        processes: that train together, each on its part of every batch; the first one keeps the
            checkpoint, which all of them read.

    Returns:
        What happened.

    Raises:
        DivergenceError: when the loss leaves the finite numbers again and again; the model then has
            the best weights before, and the error the history, where some were validated.
        StoreError: when the checkpoint is damaged or belongs to another model.
        UsageError: when batches are too small for so many processes.
    """
    settings, device = settings or Settings(), torch.device(device)
    settings = settings.resolved(len(train), habits_of(model))
    batch_size = settings.batch_size or 1
    processes.check(batch_size)
    per_epoch = steps_per_epoch(len(train), batch_size)
    planned = None if settings.epochs is None else settings.epochs * per_epoch
    state = None if checkpoint is None else known(checkpoint.load())
    clock = _clock(planned, settings.budget, state)
    with forked(device, settings.seed), StopRequest() as stop:
        stop.look()
        for module in (model, *players_of(phases)):
            processes.share(module.to(device))
        for phase in phases:
            phase.objective.to(device)
        train = resident(train, device)
        graphs = Graphs()
        how, said = _how(model, phases, settings, clock, device, train, state, processes, graphs)
        clock.prepared = clock.seconds() - clock.before
        with applied(how):
            more = (log_jacobian, how, processes, graphs)
            loop = Loop(model, phases, settings, clock, device, *more)
            with _best_kept_on_divergence(loop), closing(loop):
                if state is not None:
                    take_up(loop, state)
                if said:
                    loop.history.notes.append(said)
                _refuse_different(loop)
                loop.history.how = loop.how.as_dict()
                told = Callbacks(callbacks, loop.history)
                loop.tick()
                if state is None and checkpoint is not None and processes.first:
                    save(loop, checkpoint, "")  # what was measured counts from the first step on
                Course(loop, train, valid, told, checkpoint, stop).run()
                processes.alike(loop.step, device)  # what the first one saved is there for all
    _refuse_none_best(loop)
    loop.adopt_best()
    return loop.history


@contextmanager
def _best_kept_on_divergence(loop: Loop) -> Iterator[None]:
    """Where training diverges within, end with the best weights before, if some were validated."""
    try:
        yield
    except DivergenceError as error:
        floats = [value for value in loop.best.values() if value.is_floating_point()]
        if loop.history.best_step and all(value.isfinite().all() for value in floats):
            loop.history.ended = "diverged"
            loop.adopt_best()
            error.history = loop.history
        raise


def _named(where: Sequence[Any]) -> str:
    device, processes = where
    return device if processes == 1 else f"{device} by {processes} processes"


def _clock(steps: int | None, budget: float | None, state: State | None) -> Clock:
    """The clock of a training, in which a budget is a number of steps once it is resumed."""
    begun = state is not None and state.numbers["step"] > 0
    if state is None or not begun or budget is None or state.numbers.get("planned") is None:
        return Clock(steps, budget)
    return Clock(state.numbers["planned"], timed=state.numbers["planned"] != steps)


def _how(
    model: LatentModel,
    phases: Sequence[Phase],
    settings: Settings,
    clock: Clock,
    device: torch.device,
    train: Examples,
    state: State | None,
    processes: Processes,
    graphs: Graphs,
) -> tuple[How, str]:
    """What was chosen before, or what is measured now, on a copy that is thrown away."""
    here, size, moved = [device.type, processes.count], settings.batch_size or 1, ""
    if state is not None:
        there = list(state.numbers.get("where", here))
        if there == here:
            return within(How(**state.numbers["how"]), settings.threads or 1)
        moved = f"Resumed on {_named(here)} after {_named(there)}: how to compute is chosen anew. "

    def rehearse(how: How, seconds: float) -> float:
        # in one copy, so that the objectives' players are those of the copied phases
        tried, parts = copy.deepcopy((model, list(phases)))
        loop = Loop(
            tried, parts, settings, Clock(10**9), device, 0.0, how, graphs=graphs, trial=True
        )
        order = batches(len(train), size, settings.seed, device=place_of(train))

        def step() -> None:
            loop.advance(train, next(order))
            loop.tick()

        return rehearsal(step, how, seconds, device)

    start = usual(model, -(-size // processes.count), device, settings.precision)
    start = replace(start, replayed=device.type == "cuda" and settings.compile != "off")
    known = device.type in {"cpu", "cuda"}
    if not known or processes.count > 1:  # measuring together would disturb each other
        asked = settings.threads or start.threads
        return replace(start, threads=asked, compiled=settings.compile == "on"), moved.strip()
    plan = (clock.steps, settings.budget)
    asked = (settings.threads, settings.compile, len(phases), has_convolutions(model))
    how, said = chosen(start, rehearse, *plan, *asked, device.type)
    return how, f"{moved}{said}".strip()


def _refuse_different(loop: Loop) -> None:
    if not loop.processes.alike(loop.step, loop.device):
        raise StoreError(
            "The processes found different checkpoints, so they cannot go on together: put the run "
            "in a folder that all of them share."
        )


def _refuse_none_best(loop: Loop) -> None:
    reports = loop.history.reports
    if reports and not any(report.best for report in reports):
        raise DivergenceError(
            f"The loss on the validation rows was not finite at any of {len(reports)} validations. "
            "Train again with a lower learning rate (--lr)."
        )
