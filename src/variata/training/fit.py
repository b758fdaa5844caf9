"""`fit`: train a model in place."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace

import torch

from variata.errors import DivergenceError, StoreError
from variata.models import LatentModel
from variata.training.callbacks import Callback, Callbacks
from variata.training.checkpoint import Checkpoint, State
from variata.training.clock import Clock
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
from variata.training.state import state_of, take_up
from variata.training.stepper import Graphs
from variata.training.trial import chosen, rehearsal
from variata.training.validation import Examples

VALIDATIONS = 40  # at most so many in one training
CLOSEST = 50  # steps between validations, at least, unless an epoch has fewer
APART = 20_000  # rows learnt from between validations, at least, unless an epoch has fewer
PATIENT_UNTIL = 0.3  # share of training before early stopping may happen
WORSE = 3  # reports in a row without a better one, at least: few of them differ by chance


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
                loop.tick()
                if state is None and checkpoint is not None and processes.first:
                    _save(loop, checkpoint, "")  # what was measured counts from the first step on
                _run(loop, train, valid, Callbacks(callbacks, loop.history), checkpoint, stop)
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
    if state is not None and "how" in state.numbers:
        return within(How(**state.numbers["how"]), settings.threads or 1)
    size = settings.batch_size or 1

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
        return replace(start, threads=asked, compiled=settings.compile == "on"), ""
    plan = (clock.steps, settings.budget)
    asked = (settings.threads, settings.compile, len(phases), has_convolutions(model))
    return chosen(start, rehearse, *plan, *asked, device.type)


def _run(
    loop: Loop,
    train: Examples,
    valid: Examples,
    callbacks: Callbacks,
    checkpoint: Checkpoint | None,
    stop: StopRequest,
) -> None:
    batch_size = loop.settings.batch_size or 1
    per_epoch = steps_per_epoch(len(train), batch_size)
    seed, device = loop.settings.seed, place_of(train)
    order = batches(len(train), batch_size, seed, start=loop.step, device=device)
    closest = min(per_epoch, max(CLOSEST, APART // batch_size))
    saved, ended = loop.clock.seconds(), _ended_before(loop)
    past = loop.history.reports[-1:]
    reported, last = (past[0].step, past[0].progress) if past else (0, 0.0)
    while not ended:
        loop.advance(train, next(order))
        stop.wait()  # until here there was nothing to save
        callbacks.on_step(loop.clock.moment(loop.step).progress, loop.clock.seconds())
        loop.history.signal = loop.tick(stop.number or 0) or None
        moment, ended = loop.moment, _reason(loop)
        apart = loop.step - reported >= closest
        later = ended == "interrupted" and checkpoint is not None  # its bits will be the same
        if (ended and not later) or (apart and moment.progress - last >= 1 / VALIDATIONS):
            rows = (loop.step - reported) * len(train) / per_epoch
            report = loop.report(valid, per_epoch, rows)
            callbacks.on_report(report)
            reported, last = loop.step, moment.progress
            if ended in ("", "interrupted"):  # where a run stops must not depend on a signal
                ended = _impatient(loop, report.progress) or ended
        loop.history.ended = ended
        due = loop.clock.seconds() - saved > loop.settings.save_every
        if checkpoint is not None and loop.processes.first and (ended or due):
            _save(loop, checkpoint, ended)
            saved = loop.clock.seconds()
    loop.history.step = loop.step
    callbacks.on_end(loop.history)


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


def _save(loop: Loop, checkpoint: Checkpoint, ended: str) -> None:
    """Keep the state; a full disk is no reason to lose a training that goes on.

    Raises:
        StoreError: when the training was interrupted, so that it cannot go on later.
    """
    try:
        checkpoint.save(state_of(loop))
    except StoreError as error:
        if ended == "interrupted":
            raise
        note = f"A checkpoint could not be saved, training went on without: {error}"
        if note not in loop.history.notes:
            loop.history.notes.append(note)


def _ended_before(loop: Loop) -> str:
    return "" if loop.history.ended == "interrupted" else loop.history.ended


def _reason(loop: Loop) -> str:
    if loop.moment.progress < 1:
        return "interrupted" if loop.history.signal is not None else ""
    by_steps = loop.step == loop.clock.steps and not loop.clock.timed
    return "finished" if by_steps else "budget"


def _impatient(loop: Loop, progress: float) -> str:
    waited = progress - loop.best_progress
    worse = sum(report.step > loop.history.best_step for report in loop.history.reports)
    long = waited >= loop.settings.patience and worse >= WORSE
    stop = progress > PATIENT_UNTIL and long
    return "stopped early" if stop else ""
