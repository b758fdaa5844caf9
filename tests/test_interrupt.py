"""A signal in any phase of a training ends it soon, with its exit code, and nothing is lost."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from compiled import NEEDS_COMPILER
from variata import fit, load, store
from variata.atomic import PART
from variata.cli.app import run
from variata.data.csv_table import Table
from variata.errors import DivergenceError, InterruptError, StoreError
from variata.store import folder as saved_folder
from variata.store.history import read_history
from variata.tasks import job, prior_fits, refit, train
from variata.tasks.model import Model
from variata.tasks.run import Run
from variata.tasks.train import resume
from variata.training import (
    Callback,
    Checkpoint,
    Report,
    checkpoint,
    loop,
    signals,
    validation,
    work,
)
from variata.training.signals import Stopped, StopRequest
from variata.training.stepper import Stepper

ARGUMENTS: dict[str, Any] = {"latent": 2, "hidden": (8,), "epochs": 8, "threads": 1}
BEFORE_A_STEP = {  # where a signal arrives: the function it arrives in, and where that is looked up
    "reading": (Table, "take"),
    "composing": (train, "compose"),
    "preparing": (job, "start"),
    "trial": (sys.modules["variata.training.fit"], "chosen"),
    "first step": (loop.Loop, "advance"),
}
FROM_A_STEP = {
    "training": (loop, "learning_rate"),
    "validating": (loop, "validate"),
    "saving a checkpoint": (checkpoint, "save_file"),
}
AT_THE_END = {"saving the model": (saved_folder, "save_file"), "tidying up": (Run, "finish")}
NUMBERS = [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1]


class Sent:
    """Sends a signal to the own process in a call of a function, once."""

    def __init__(self, place: Any, name: str, number: int, call: int = 0) -> None:
        self.function, self.number, self.call = getattr(place, name), number, call
        self.calls = 0

    def around(self) -> Callable[..., Any]:
        def called(*arguments: Any, **more: Any) -> Any:
            self.calls += 1
            if self.calls == self.call + 1:
                os.kill(os.getpid(), self.number)
            return self.function(*arguments, **more)

        return called


def interrupted(
    monkeypatch: pytest.MonkeyPatch, place: tuple[Any, str], number: int, call: int, work: Any
) -> InterruptError:
    """What `work` raises when a signal comes in that place."""
    sent, before = Sent(*place, number, call), signal.getsignal(number)
    with monkeypatch.context() as patch:
        patch.setattr(*place, sent.around())
        with pytest.raises(InterruptError) as caught:
            work()
    assert sent.calls > call
    assert caught.value.exit_code == 128 + number
    assert signal.getsignal(number) == before
    return caught.value


def weights(model: Model) -> dict[str, Tensor]:
    return model.module.state_dict()


def same(ours: Model, theirs: Model) -> bool:
    return all(torch.equal(v, weights(theirs)[n]) for n, v in weights(ours).items())


def validated(model: Model) -> list[tuple[int, float]]:
    return [(report["step"], report["criterion"]) for report in model.saved.reports]


@pytest.fixture(scope="module")
def whole(table_csv: Path) -> Model:
    """What comes of a training that nothing disturbs."""
    return fit(table_csv, **ARGUMENTS)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("phase", BEFORE_A_STEP)
def test_before_a_step_a_signal_stops_at_once_and_the_training_can_begin_again(
    phase: str,
    number: int,
    whole: Model,
    table_csv: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def work() -> Model:
        return fit(table_csv, out=tmp_path / "run", **ARGUMENTS)

    error = interrupted(monkeypatch, BEFORE_A_STEP[phase], number, 0, work)
    assert signal.Signals(number).name in str(error)
    asked = (tmp_path / "run" / "training.json").exists()
    assert ("--resume" in str(error)) is asked
    assert asked is (phase not in ("reading", "composing"))
    assert same(resume(tmp_path / "run") if asked else work(), whole)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("phase", FROM_A_STEP)
def test_from_the_first_step_on_a_signal_ends_after_the_step_and_resuming_has_the_same_bits(
    phase: str,
    number: int,
    whole: Model,
    table_csv: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def work() -> Model:
        return fit(table_csv, out=tmp_path / "run", save_every=1e-9, **ARGUMENTS)

    error = interrupted(monkeypatch, FROM_A_STEP[phase], number, 2, work)
    assert "--resume" in str(error)
    assert (tmp_path / "run" / "checkpoint" / "state-a.json").exists()
    resumed = resume(tmp_path / "run")
    assert same(resumed, whole)
    assert validated(resumed) == validated(whole)


def test_a_signal_breaks_a_validation_off_and_resuming_begins_with_it(
    table_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "validate", partial(validation.validate, batch_size=3))
    whole, sent = fit(table_csv, **ARGUMENTS), Sent(validation, "on", signal.SIGTERM, call=2)
    told: list[int] = []

    class Told(Callback):
        def on_report(self, report: Report) -> None:
            told.append(report.step)

    with monkeypatch.context() as patch:
        patch.setattr(validation, "on", sent.around())
        with pytest.raises(InterruptError, match="Stopped at step"):
            fit(table_csv, out=tmp_path / "run", callbacks=[Told()], **ARGUMENTS)
    assert (sent.calls, told) == (3, [])  # no batch after the signal
    resumed = resume(tmp_path / "run", [Told()])
    assert same(resumed, whole)
    assert told == [step for step, _ in validated(whole)]
    assert validated(resumed) == validated(whole)


@NEEDS_COMPILER
def test_a_signal_while_a_later_phase_is_compiled_does_not_wait_for_it(
    table_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments, compiled, calls = ARGUMENTS | {"compile": "on"}, work.graph_of, 0

    def compiling(*given: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2:
            os.kill(os.getpid(), signal.SIGTERM)
            pytest.fail("it went on")
        return compiled(*given)

    with monkeypatch.context() as patch:
        patch.setattr(work, "graph_of", compiling)
        with pytest.raises(InterruptError, match="Stopped at step"):
            fit(table_csv, out=tmp_path / "run", **arguments)
    assert calls == 2
    step = Checkpoint(tmp_path / "run" / "checkpoint").step()
    resumed = resume(tmp_path / "run")
    assert 0 < step < validated(resumed)[-1][0]


def test_a_signal_at_the_end_of_the_report_that_a_resumed_run_begins_with_loses_nothing(
    table_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ARGUMENTS | {"epochs": 1}  # of which there is a single report
    whole, run_folder = fit(table_csv, **arguments), tmp_path / "run"
    sent = Sent(loop, "validate", signal.SIGTERM)
    with monkeypatch.context() as patch:
        patch.setattr(loop, "validate", sent.around())
        with pytest.raises(InterruptError, match="Stopped at step"):
            fit(table_csv, out=run_folder, **arguments)
    late = Sent(loop.Loop, "_in_own_units", signal.SIGTERM)
    with monkeypatch.context() as patch:
        patch.setattr(loop.Loop, "_in_own_units", late.around())
        with pytest.raises(InterruptError):
            resume(run_folder)
    again = resume(run_folder) if (run_folder / "training.json").exists() else load(run_folder)
    assert same(again, whole)
    assert validated(again) == validated(whole)


def test_a_handler_that_python_does_not_know_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    before, known = signal.getsignal(signal.SIGUSR1), signal.signal
    monkeypatch.setattr(signal, "signal", lambda number, handler: (known(number, handler), None)[1])
    with StopRequest():
        pass
    monkeypatch.undo()
    for name in signals.SIGNALS:
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    assert before is signal.SIG_DFL


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("phase", AT_THE_END)
def test_at_the_end_a_signal_waits_until_the_model_is_whole(
    phase: str, number: int, whole: Model, table_csv: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    def work() -> Model:
        return fit(table_csv, out=tmp_path / "run", **ARGUMENTS)

    error = interrupted(monkeypatch, AT_THE_END[phase], number, 0, work)
    assert "is whole" in str(error)
    assert same(load(tmp_path / "run"), whole)
    assert {p.name for p in (tmp_path / "run").iterdir()} == {*saved_folder.FILES, "manifest.json"}


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize(
    ("prior", "place"),
    [
        ("flow", FROM_A_STEP["training"]),
        ("flow", (refit, "_mean_log_prob")),
        ("gmm", (prior_fits, "fit_mixture")),
    ],
)
def test_a_prior_that_was_not_fitted_to_its_end_is_not_written(
    prior: str, place: tuple[Any, str], number: int, whole: Model, tmp_path: Path, monkeypatch: Any
) -> None:
    whole_run, out = tmp_path / "run", tmp_path / "refitted"
    whole.save(whole_run)
    monkeypatch.setattr(refit, "DRAWS", 1_000)
    sent, before = Sent(*place, number, call=0), signal.getsignal(number)
    monkeypatch.setattr(*place, sent.around())
    assert run(["refit-prior", str(whole_run), "--prior", prior, "--out", str(out)]) == 128 + number
    assert sent.calls > 0
    assert not out.exists()
    assert signal.getsignal(number) == before


def test_a_signal_that_a_library_swallows_still_ends_the_training(
    table_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = job.start

    def swallowing(*arguments: Any) -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except KeyboardInterrupt:
            made(*arguments)

    monkeypatch.setattr(job, "start", swallowing)
    with pytest.raises(InterruptError, match="before a step"):
        fit(table_csv, out=tmp_path / "run", **ARGUMENTS)


def test_after_a_preparation_there_is_nothing_to_save_again() -> None:
    with StopRequest() as stop:
        stop.wait()
        StopRequest.begin_anew()
        with pytest.raises(Stopped):
            os.kill(os.getpid(), signal.SIGTERM)
    with StopRequest() as stop:
        stop.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Stopped):
            StopRequest.begin_anew()


class StopAfter(Callback):
    """Sends a signal after so many reports."""

    def __init__(self, reports: int) -> None:
        self.left = reports

    def on_report(self, report: Report) -> None:
        self.left -= 1
        if not self.left:
            os.kill(os.getpid(), signal.SIGTERM)


def test_data_in_memory_is_given_again_to_go_on(table: np.ndarray, tmp_path: Path) -> None:
    more = {**ARGUMENTS, "condition": np.arange(len(table)) % 3}
    whole = fit(table, **more)
    with pytest.raises(
        InterruptError, match=r"variata\.resume\('.*run', data=\.\.\., condition=\.\.\.\)"
    ):
        fit(table, out=tmp_path / "run", callbacks=[StopAfter(2)], **more)
    kept = read_history(tmp_path / "run" / "history.jsonl")
    assert len(kept) == 2
    with pytest.raises(StoreError, match=r"use variata\.resume"):
        resume(tmp_path / "run")
    with pytest.raises(StoreError, match="without condition"):
        resume(tmp_path / "run", data=table)
    for other, condition, what in (
        (table.round(1), more["condition"], "values have changed"),
        (10 * table, more["condition"], "units, labels or conditions have changed"),
        (table[:-1], more["condition"][:-1], "it has 399 rows, and had 400"),
        (table, 1 + more["condition"] // 2, "units, labels or conditions have changed"),
    ):
        with pytest.raises(StoreError, match=what):
            resume(tmp_path / "run", data=other, condition=condition)
    again = resume(tmp_path / "run", data=table, condition=more["condition"])
    assert same(again, whole)
    reports = read_history(tmp_path / "run" / "history.jsonl")
    assert reports[:2] == kept
    assert reports == load(tmp_path / "run").saved.reports


def test_a_run_killed_after_its_first_step_begins_with_its_whole_budget(
    table_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A state before the first step says nothing of how many there will be."""

    class Killed(Callback):
        def on_step(self, progress: float, seconds: float) -> None:
            raise KeyboardInterrupt

    class First(Callback):
        def on_step(self, progress: float, seconds: float) -> None:
            seen.append(progress)

    seen: list[float] = []
    out = tmp_path / "run"
    more = ARGUMENTS | {"epochs": 10_000, "budget": 1.5, "patience": 1.0}
    with pytest.raises(KeyboardInterrupt):
        fit(table_csv, out=out, callbacks=[Killed()], **more)
    model = resume(out, [First()])
    assert model.saved.about["training"]["ended"] == "budget"
    assert seen[0] < 0.2


def test_a_preparation_that_diverges_leaves_no_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged, calls = Stepper._judged, []

    def wild(self: Stepper, figures: Tensor) -> Any:
        calls.append(1)
        found = judged(self, figures)
        return found if len(calls) < 30 else [float("nan")] * len(found)

    monkeypatch.setattr(Stepper, "_judged", wild)
    out = tmp_path / "run"
    more = {"recipe": "vade", "latent": 2, "hidden": (8,), "epochs": 40, "threads": 1}
    with pytest.raises(DivergenceError) as caught:
        fit("digits", out=out, compile="off", **more)
    assert caught.value.model is None
    assert not store.exists(out)


def test_a_training_that_diverges_leaves_the_model_before(
    table_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged, calls = Stepper._judged, []

    def wild(self: Stepper, figures: Tensor) -> Any:
        calls.append(1)
        found = judged(self, figures)
        return found if len(calls) < 60 else [float("nan")] * len(found)

    monkeypatch.setattr(Stepper, "_judged", wild)
    out = tmp_path / "run"
    with pytest.raises(
        DivergenceError, match=r"The best weights before, of step \d+, are"
    ) as caught:
        fit(table_csv, out=out, **ARGUMENTS | {"epochs": 40, "compile": "off"})
    monkeypatch.undo()
    kept = load(out)
    assert kept.saved.about["training"]["ended"] == "diverged"
    assert same(kept, caught.value.model)
    assert np.isfinite(kept.sample(3)).all()
    with pytest.raises(StoreError, match="has finished"):
        resume(out)


def test_a_process_that_does_not_write_sweeps_nothing_away(tmp_path: Path) -> None:
    part = tmp_path / f".training.json.abc{PART}"
    part.touch()
    with Run(tmp_path, resume=True, writes=False):
        assert part.exists()
    with Run(tmp_path, resume=True):
        assert not part.exists()


def test_a_second_ctrl_c_interrupts_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with StopRequest() as stop:
        stop.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.number == signal.SIGTERM
        with pytest.raises(KeyboardInterrupt) as caught:
            os.kill(os.getpid(), signal.SIGINT)
        assert not isinstance(caught.value, Stopped)


def test_a_request_in_another_thread_leaves_that_of_the_main_thread_alone() -> None:
    seen: list[StopRequest] = []

    def other() -> None:
        with StopRequest() as stop:
            seen.append(stop)

    with StopRequest() as ours:
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        with StopRequest() as inner:
            assert inner is ours
        with pytest.raises(Stopped):
            os.kill(os.getpid(), signal.SIGUSR1)
    assert seen[0] is not ours
    assert StopRequest.number_now() is None
