"""The loop: order, resumption, failures, early stopping, and a caller left undisturbed."""

from __future__ import annotations

import copy
import json
import math
import os
import shutil
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from compiled import NEEDS_COMPILER
from rows import Rows
from variata import recipes
from variata.batch import Batch
from variata.errors import DivergenceError, StoreError, UsageError
from variata.models import LatentModel, Trace
from variata.objectives import Distortion, Objective, Rate
from variata.recipes import Composition
from variata.schedules import Moment, constant
from variata.training import Callback, Checkpoint, History, Phase, Report, Settings, course, fit
from variata.training.adamw import AdamW, Kernels
from variata.training.checkpoint import State
from variata.training.clock import Clock
from variata.training.graph import NotCompiledError
from variata.training.known import known
from variata.training.loop import Loop
from variata.training.machine import How
from variata.training.phase import phase_at
from variata.training.sampler import batches, steps_per_epoch
from variata.training.validation import validate
from variata.training.weights import Weights
from variata.training.work import Work

SETTINGS = Settings(epochs=6, batch_size=8, lr=1e-2)
PATIENT = replace(SETTINGS, patience=1.0)
NO_COMPILER = "InvalidCxxCompiler: none"


class StopAt(Callback):
    """Sends a signal to the process itself at a step."""

    def __init__(self, step: int, number: int = signal.SIGTERM) -> None:
        self.step, self.number, self.seen = step, number, 0

    def on_step(self, progress: float, seconds: float) -> None:
        self.seen += 1
        if self.seen == self.step:
            os.kill(os.getpid(), self.number)


def rows(n: int = 40) -> Rows:
    generator = torch.Generator().manual_seed(0)
    causes = torch.randn(n, 2, generator=generator)
    return Rows(causes @ torch.randn(2, 5, generator=generator))


def composition() -> Composition:
    torch.manual_seed(0)
    return recipes.vae(shape=(5,), latent=2, hidden=(8,))


def weights(model: LatentModel) -> list[Tensor]:
    return [value.clone() for value in model.state_dict().values()]


@pytest.mark.parametrize(("n", "size"), [(40, 8), (41, 8), (47, 8), (3, 8), (1, 8), (100, 100)])
def test_an_epoch_visits_every_row_once_and_no_batch_is_tiny(n: int, size: int) -> None:
    count = steps_per_epoch(n, size)
    stream = batches(n, size, seed=3)
    first = [next(stream) for _ in range(count)]
    second = [next(stream) for _ in range(count)]
    for epoch in (first, second):
        assert sorted(torch.cat(epoch).tolist()) == list(range(n))
        assert min(len(b) for b in epoch) >= min(n, size // 2)
    assert n < 3 or torch.cat(first).tolist() != torch.cat(second).tolist()


def test_the_order_can_be_taken_up_anywhere() -> None:
    whole = batches(41, 8, seed=3)
    expected = [next(whole) for _ in range(20)]
    for start in range(20):
        assert torch.equal(next(batches(41, 8, seed=3, start=start)), expected[start])


@pytest.mark.parametrize("at", [1, 4, 7, 13, 29])
def test_resuming_gives_the_bits_of_an_undisturbed_training(at: int, tmp_path: Path) -> None:
    whole, parts = composition(), composition()
    straight = fit(whole.model, whole.phases, rows(), rows(), SETTINGS)
    checkpoint = Checkpoint(tmp_path)
    stopped = fit(
        parts.model,
        parts.phases,
        rows(),
        rows(),
        SETTINGS,
        checkpoint=checkpoint,
        callbacks=[StopAt(at)],
    )
    assert stopped.ended == "interrupted"
    assert stopped.signal == signal.SIGTERM
    again = composition()
    resumed = fit(again.model, again.phases, rows(), rows(), SETTINGS, checkpoint=checkpoint)
    assert resumed.ended == straight.ended == "finished"
    for a, b in zip(weights(whole.model), weights(again.model), strict=True):
        assert torch.equal(a, b)
    told = [(r.step, r.criterion, r.best, r.train, r.valid) for r in resumed.reports]
    assert told == [(r.step, r.criterion, r.best, r.train, r.valid) for r in straight.reports]
    assert resumed.best_step == straight.best_step


def test_a_damaged_checkpoint_falls_back_to_the_one_before(tmp_path: Path) -> None:
    made, checkpoint = composition(), Checkpoint(tmp_path)
    for at in (5, 9):
        again = composition()
        stop = [StopAt(at)]
        fit(
            again.model,
            made.phases,
            rows(),
            rows(),
            SETTINGS,
            checkpoint=checkpoint,
            callbacks=stop,
        )
    newest = checkpoint.load()
    assert newest is not None
    path = max(tmp_path.glob("*.safetensors"), key=lambda p: p.stat().st_mtime_ns)
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    older = checkpoint.load()
    assert older is not None
    assert older.numbers["step"] < newest.numbers["step"]
    for path in tmp_path.glob("*.safetensors"):
        path.write_bytes(b"")
    with pytest.raises(StoreError, match="damaged"):
        checkpoint.load()


def test_a_damaged_state_is_written_over_before_a_whole_one(tmp_path: Path) -> None:
    made, checkpoint = composition(), Checkpoint(tmp_path)
    for at in (4, 9):
        stop = [StopAt(at)]
        fit(
            made.model, made.phases, rows(), rows(), SETTINGS, checkpoint=checkpoint, callbacks=stop
        )
    newest = max(tmp_path.glob("*.safetensors"), key=lambda path: path.stat().st_mtime_ns)
    newest.write_bytes(newest.read_bytes()[:-1] + b"\x01")
    again = Checkpoint(tmp_path)
    older = again.load()
    assert older is not None
    again.save(older)
    assert [again._read(slot)["numbers"]["step"] for slot in "ab"] == [older.numbers["step"]] * 2  # type: ignore[index]


def test_what_was_measured_is_kept_from_the_first_step_on(tmp_path: Path) -> None:
    made, seen = composition(), []

    class First(Callback):
        def on_step(self, progress: float, seconds: float) -> None:
            seen.append(Checkpoint(tmp_path).load())

    settings = replace(SETTINGS, threads=1)
    fit(
        made.model,
        made.phases,
        rows(),
        rows(),
        settings,
        checkpoint=Checkpoint(tmp_path),
        callbacks=[First()],
    )
    assert seen[0].numbers["step"] == 0
    assert seen[0].numbers["how"] == How(threads=1, batch_size=8).as_dict()


@pytest.mark.parametrize("late", [False, True], ids=["while compiling", "at the first step"])
@pytest.mark.parametrize("phase", [0, 1])
def test_a_phase_that_cannot_be_compiled_runs_as_it_is_and_says_so(
    phase: int, late: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A step of each phase is compiled when it comes, long after what was tried."""

    def compiled(function: Any, tensors: Any) -> Any:
        calls.append(function)
        if len(calls) <= 2 * phase:  # the step and the move of every phase before
            return function
        if not late:
            raise NotCompiledError(NO_COMPILER)
        return fails

    def fails(*tensors: Any) -> Any:
        raise AssertionError("expected size 32, stride 1 at dim=1\nSee the documentation.")

    modules = [sys.modules[f"variata.training.{name}"] for name in ("work", "adamw")]
    calls: list[Any] = []
    for module in modules:
        monkeypatch.setattr(module, "graph_of", compiled)
    phases = [*broken(10**9, 10**9), *broken(10**9, 10**9)]
    made, plain = composition(), composition()
    settings, checkpoint = replace(PATIENT, compile="on", threads=1), Checkpoint(tmp_path)
    history = fit(made.model, phases, rows(), rows(), settings, checkpoint=checkpoint)
    fit(plain.model, phases, rows(), rows(), replace(settings, compile="off"))
    [note] = history.notes
    why = "AssertionError: expected size 32, stride 1 at dim=1" if late else NO_COMPILER
    assert note.endswith(f"steps are not compiled: {why}.")
    state = checkpoint.load()
    assert state is not None
    assert state.numbers["how"]["compiled"] is False
    for a, b in zip(weights(made.model), weights(plain.model), strict=True):
        torch.testing.assert_close(a, b)


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    made, checkpoint = composition(), Checkpoint(tmp_path)
    stop = [StopAt(3)]
    fit(made.model, made.phases, rows(), rows(), SETTINGS, checkpoint=checkpoint, callbacks=stop)
    other = recipes.vae(shape=(5,), latent=3, hidden=(8,))
    with pytest.raises(StoreError, match="another model"):
        fit(other.model, other.phases, rows(), rows(), SETTINGS, checkpoint=checkpoint)


class Broken:
    """A distortion that is NaN at some steps."""

    def __init__(self, first: int, last: int) -> None:
        self.first, self.last = first, last

    def __call__(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        value = trace.distortion()
        return value * float("nan") if self.first <= moment.step <= self.last else value


def broken(first: int, last: int) -> list[Phase]:
    term = Broken(first, last)
    rate = (constant(1), Rate())
    return [Phase(Objective(distortion=(constant(1), term), rate=rate))]


def test_steps_that_are_not_finite_are_skipped_and_counted() -> None:
    made = composition()
    history = fit(made.model, broken(7, 9), rows(), rows(), SETTINGS)
    assert history.skipped == 3
    assert all(value.isfinite().all() for value in weights(made.model))
    assert history.ended == "finished"


def test_many_failures_go_back_to_the_best_weights_with_half_the_rate() -> None:
    made = composition()
    history = fit(made.model, broken(15, 19), rows(), rows(), SETTINGS)
    assert history.skipped == 5
    assert len(history.notes) == 1
    assert "half the learning rate" in history.notes[0]
    assert all(value.isfinite().all() for value in weights(made.model))


def test_endless_failures_are_an_error_that_says_what_to_do() -> None:
    made = composition()
    with pytest.raises(DivergenceError, match="lower learning rate"):
        fit(made.model, broken(0, 10**9), rows(), rows(), PATIENT)


def test_a_training_that_diverges_ends_with_its_best_weights_before() -> None:
    made, whole = composition(), composition()
    with pytest.raises(DivergenceError, match="lower learning rate") as caught:
        fit(made.model, broken(8, 10**9), rows(), rows(), PATIENT)
    history = caught.value.history
    assert history.ended == "diverged"
    assert history.rollbacks == 3
    best = [report for report in history.reports if report.best][-1]
    assert best.step == history.best_step <= 8
    reached = []

    class Kept(Callback):
        def on_report(self, report: Report) -> None:
            reached.append(report.criterion)

    fit(whole.model, broken(10**9, 10**9), rows(), rows(), PATIENT, callbacks=[Kept()])
    assert best.criterion in reached
    found = validate(made.model, broken(0, 0)[0].objective, rows(), torch.device("cpu"), 0)
    assert found.criterion == pytest.approx(best.criterion, rel=1e-6)


def test_steps_that_were_taken_before_a_return_count_as_skipped_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Accelerators are looked at after many steps, of which only the first failures matter."""
    made, returns = composition(), []
    loop = Loop(made.model, made.phases, SETTINGS.resolved(40), Clock(100), torch.device("cpu"))
    monkeypatch.setattr(loop, "_go_back", lambda: returns.append(loop.step))
    for value in [1.0] * 30 + [math.nan] * 20:
        loop.meter.add(["loss"], [value])
    loop.settle()
    assert len(returns) == 1
    assert loop.history.skipped == 20


def test_few_reports_that_are_worse_stop_no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where validations are few, three of them have to be no better than the best."""
    noise = Rows(torch.randn(10, 5, generator=torch.Generator().manual_seed(1)))
    other = Rows(3 + 5 * torch.randn(40, 5, generator=torch.Generator().manual_seed(2)))
    settings = Settings(epochs=400, batch_size=10, lr=1e-2, patience=0.1)
    ended = []
    for few in (40, 5):
        monkeypatch.setattr(course, "VALIDATIONS", few)
        made = composition()
        history = fit(made.model, made.phases, noise, other, settings)
        after = [report for report in history.reports if report.step > history.best_step]
        ended.append((history.ended, len(after)))
    assert ended[0][0] == "stopped early"
    assert ended[1][1] >= 3


def test_a_signal_does_not_change_where_training_stops_early(tmp_path: Path) -> None:
    noise = Rows(torch.randn(10, 5, generator=torch.Generator().manual_seed(1)))
    other = Rows(3 + 5 * torch.randn(40, 5, generator=torch.Generator().manual_seed(2)))
    settings = Settings(epochs=400, batch_size=10, lr=1e-2, patience=0.1)
    alone, stopped = composition(), composition()
    first = fit(alone.model, alone.phases, noise, other, settings)
    assert first.ended == "stopped early"

    def go_on(*callbacks: Callback) -> History:
        more: dict[str, Any] = {"checkpoint": Checkpoint(tmp_path), "callbacks": callbacks}
        return fit(stopped.model, stopped.phases, noise, other, settings, **more)

    history = go_on(StopAt(first.step))
    assert (history.signal, history.ended) == (signal.SIGTERM, "interrupted")
    history = go_on()
    assert (history.signal, history.ended) == (None, "stopped early")
    assert history.step == first.step
    for a, b in zip(weights(alone.model), weights(stopped.model), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("micro", [1, 3, 8])
def test_a_batch_in_pieces_has_the_curve_of_the_whole(micro: int) -> None:
    curves = []
    for settings in (PATIENT, replace(PATIENT, micro_batch=micro)):
        made = composition()
        history = fit(made.model, made.phases, rows(), rows(), replace(settings, precision="fp64"))
        curves.append([value for report in history.reports for value in report.train.values()])
    assert curves[0] == pytest.approx(curves[1], rel=1e-9)


def test_what_memory_does_not_hold_is_validated_in_halves_with_the_same_noise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, x = composition(), rows(90)
    arguments = (made.model, made.phases[0].objective, x, torch.device("cpu"), 3)
    whole, observe, sizes = validate(*arguments), LatentModel.observe, []

    def small(self: LatentModel, batch: Batch, *more: Any, **others: Any) -> Trace:
        sizes.append(len(batch))
        if len(batch) > 30:
            raise torch.OutOfMemoryError("no memory")
        return observe(self, batch, *more, **others)

    monkeypatch.setattr(LatentModel, "observe", small)
    parts = validate(*arguments)
    assert max(size for size in sizes if size <= 30) == 23
    assert parts.as_dict() == pytest.approx(whole.as_dict(), rel=1e-5)
    assert parts.criterion == pytest.approx(whole.criterion, rel=1e-5)


class Faulty(Callback):
    def on_report(self, report: Report) -> None:
        raise RuntimeError("boom")


def test_a_failing_callback_is_left_out_and_noted_once() -> None:
    made, plain = composition(), composition()
    history = fit(made.model, made.phases, rows(), rows(), SETTINGS, callbacks=[Faulty()])
    fit(plain.model, plain.phases, rows(), rows(), SETTINGS)
    assert [note for note in history.notes if "boom" in note] == history.notes
    assert len(history.notes) == 1
    for a, b in zip(weights(made.model), weights(plain.model), strict=True):
        assert torch.equal(a, b)


def test_training_stops_early_when_validation_gets_worse() -> None:
    made = composition()
    generator = torch.Generator().manual_seed(1)
    noise = Rows(torch.randn(10, 5, generator=generator))
    other = Rows(3 + 5 * torch.randn(40, 5, generator=generator))
    settings = Settings(epochs=400, batch_size=10, lr=1e-2, patience=0.1)
    phases = [Phase(Objective(distortion=(constant(1), Distortion()), rate=(constant(1), Rate())))]
    history = fit(made.model, phases, noise, other, settings)
    assert history.ended == "stopped early"
    best = min(history.reports, key=lambda report: report.criterion)
    assert history.best_step == best.step
    assert best.best


def test_schedules_begin_with_the_training_whatever_came_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Trials and compilation count as time spent; half of this budget goes into them."""
    module, seen = sys.modules["variata.training.fit"], []
    chosen = module.chosen

    def slow(*arguments: Any, **more: Any) -> Any:
        time.sleep(1.5)
        return chosen(*arguments, **more)

    class First(Callback):
        def on_step(self, progress: float, seconds: float) -> None:
            seen.append((progress, seconds))

    monkeypatch.setattr(module, "chosen", slow)
    made, settings = composition(), Settings(budget=3.0, batch_size=8, patience=1.0, threads=1)
    fit(made.model, made.phases, rows(), rows(), settings, callbacks=[First()])
    assert seen[0][0] < 0.25
    assert seen[0][1] > 1.5
    assert seen[-1][0] == pytest.approx(1, abs=0.1)
    assert seen[-1][1] < 3.5


def test_a_budget_ends_the_training_with_the_schedule_done() -> None:
    made = composition()
    history = fit(
        made.model, made.phases, rows(), rows(), Settings(budget=0.5, batch_size=8, patience=1.0)
    )
    last = history.reports[-1]
    assert history.ended == "budget"
    assert last.progress == 1.0
    assert last.lr == pytest.approx(0.0, abs=1e-6)


def test_fit_leaves_the_callers_random_state_signals_and_errors_alone() -> None:
    made = composition()
    torch.manual_seed(5)
    before, handler = torch.get_rng_state(), signal.getsignal(signal.SIGTERM)
    with pytest.raises(DivergenceError):
        fit(made.model, broken(0, 10**9), rows(), rows(), PATIENT)
    assert torch.equal(before, torch.get_rng_state())
    assert signal.getsignal(signal.SIGTERM) is handler


def test_phases_follow_each_other_by_their_shares() -> None:
    first, second = (Phase(Objective(), share=s) for s in (0.85, 0.15))
    assert phase_at([first, second], Moment(progress=0.84)) is first
    assert phase_at([first, second], Moment(progress=0.86)) is second
    assert phase_at([first, second], Moment(progress=1.0)) is second


def test_the_first_view_serves_the_first_phase_only() -> None:
    seen: list[float] = []

    def marked(batch: Batch) -> Batch:
        seen.append(float(batch.x.sum()))
        return batch

    made = composition()
    phases = [replace(made.phases[0], share=0.5, view=marked), replace(made.phases[1], share=0.5)]
    fit(made.model, phases, rows(), rows(), SETTINGS)
    assert len(seen) == 15


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"budget": -1.0},
        {"budget": "soon"},
        {"batch_size": 0},
        {"lr": 0.0},
        {"ema": 1.0},
        {"seed": -1},
        {"patience": 0.0},
        {"weight_decay": -0.1},
    ],
)
def test_settings_that_make_no_sense_are_errors(wrong: dict[str, float | str]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Settings(**wrong)  # type: ignore[arg-type]


def test_a_budget_may_be_written_as_people_do() -> None:
    assert Settings(budget="1.5m") == Settings(budget=90.0)  # type: ignore[arg-type]


def test_history_knows_nothing_before_training() -> None:
    assert History().ended == ""


class SmallMemory(Distortion):
    """A term that runs out of memory above some rows."""

    def __call__(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        cost = trace.distortion()
        if cost.shape[1] > 3:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return cost


def test_a_batch_is_halved_where_memory_runs_out_with_the_same_result() -> None:
    made, batch = recipes.ae(shape=(5,), latent=2, hidden=(8,)), rows(11).gather(torch.arange(11))
    own, moment = list(made.model.parameters()), Moment(1, 0.5)
    whole = Work(made.model, made.phases[0].objective, [own], How())(batch, moment)
    small = Objective(distortion=(constant(1), SmallMemory()))
    halved = Work(made.model, small, [own], How())(batch, moment, most=3)
    torch.testing.assert_close(halved.figures, whole.figures)
    for ours, theirs in zip(halved.gradients[0], whole.gradients[0], strict=True):
        torch.testing.assert_close(ours, theirs)


def test_training_goes_on_in_smaller_pieces_where_memory_runs_out(tmp_path: Path) -> None:
    def trained(folder: Path, *callbacks: Callback) -> tuple[LatentModel, History]:
        torch.manual_seed(0)
        made = recipes.ae(shape=(5,), latent=2, hidden=(8,))
        phases = [Phase(Objective(distortion=(constant(1), SmallMemory())))]
        checkpoint = Checkpoint(folder)
        return made.model, fit(
            made.model, phases, rows(), rows(3), PATIENT, checkpoint=checkpoint, callbacks=callbacks
        )

    whole, history = trained(tmp_path / "whole")
    assert history.ended == "finished"
    assert [note for note in history.notes if "memory ran out" in note]
    trained(tmp_path / "parts", StopAt(4))
    resumed, _ = trained(tmp_path / "parts")
    for ours, theirs in zip(weights(resumed), weights(whole), strict=True):
        assert torch.equal(ours, theirs)


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    made = composition()

    def broken(model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        raise RuntimeError("shapes do not fit")

    phases = [Phase(Objective(distortion=(constant(1), broken)))]
    with pytest.raises(RuntimeError, match="do not fit"):
        fit(made.model, phases, rows(), rows(), SETTINGS)


class FullDisk(Checkpoint):
    """Nothing can be saved."""

    def save(self, state: State) -> None:
        raise StoreError("No space left on device.")


def test_a_full_disk_does_not_end_a_training_but_an_interruption_says_so(tmp_path: Path) -> None:
    made = composition()
    often = replace(PATIENT, save_every=1e-9)
    full = FullDisk(tmp_path)
    history = fit(made.model, made.phases, rows(), rows(), often, checkpoint=full)
    assert history.ended == "finished"
    assert [note for note in history.notes if "No space left" in note]
    assert len(history.notes) == 1
    with pytest.raises(StoreError, match="No space left"):
        fit(made.model, made.phases, rows(), rows(), often, checkpoint=full, callbacks=[StopAt(3)])


@pytest.mark.parametrize("change", ["step", "lr_factor", "best_criterion"])
def test_a_changed_number_in_a_checkpoint_is_noticed(tmp_path: Path, change: str) -> None:
    made, checkpoint = composition(), Checkpoint(tmp_path)
    fit(made.model, made.phases, rows(), rows(), PATIENT, checkpoint=checkpoint)
    for path in tmp_path.glob("*.json"):
        record = json.loads(path.read_text())
        numbers = json.loads(record["numbers"])
        numbers[change] = 7
        path.write_text(json.dumps(record | {"numbers": json.dumps(numbers)}))
    with pytest.raises(StoreError, match="damaged"):
        checkpoint.load()


def test_a_state_with_sums_over_no_step_is_refused(tmp_path: Path) -> None:
    made, checkpoint = composition(), Checkpoint(tmp_path)
    fit(made.model, made.phases, rows(), rows(), PATIENT, checkpoint=checkpoint)
    state = checkpoint.load()
    assert state
    assert known(state)
    state.numbers["meter"] = {"sums": {"rate": 1.0}, "count": 0}
    with pytest.raises(StoreError, match=r"meter.*sums over no step"):
        known(state)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("norms", [[1.0, 1.2, 0.9], [1.0, 50.0, 1.0], [1.0, float("nan"), 1.0]])
def test_an_accelerator_judges_gradients_as_the_processor_does(
    norms: list[float], momentum: float
) -> None:
    """The fused step takes the scale and the refusal on any device, so that this runs anywhere."""
    modules = [nn.Linear(3, 2, bias=False) for _ in range(2)]
    modules[1].load_state_dict(modules[0].state_dict())
    here, there = (AdamW(Weights(module), 1e-2, momentum=momentum) for module in modules)
    direction = torch.full((2, 3), 6**-0.5)
    for norm in norms:
        here.move([direction * norm], norm)
        there.move([direction * norm], torch.tensor(norm))
    torch.testing.assert_close(modules[0].weight, modules[1].weight)
    assert torch.as_tensor(there.usual_norm).item() == pytest.approx(here.usual_norm, rel=1e-5)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=NEEDS_COMPILER)])
def test_a_step_is_that_of_torchs_optimiser(compiled: bool, momentum: float) -> None:
    modules = [nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2)) for _ in range(2)]
    modules[1].load_state_dict(modules[0].state_dict())
    groups = [
        {"params": [p for p in modules[1].parameters() if p.dim() == 2], "weight_decay": 0.1},
        {"params": [p for p in modules[1].parameters() if p.dim() == 1], "weight_decay": 0.0},
    ]
    theirs = torch.optim.AdamW(groups, lr=3e-3, betas=(momentum, 0.99), fused=True)
    kernels: Kernels | None = {} if compiled else None
    ours = AdamW(Weights(modules[0]), weight_decay=0.1, kernels=kernels, momentum=momentum)
    for _ in range(5):
        gradient = [torch.randn_like(p) for p in ours.weights.leaves]
        for p, grad in zip((p for g in groups for p in g["params"]), gradient, strict=True):
            p.grad = grad.clone()
        ours.move(gradient, lr=3e-3)
        theirs.step()
    for p, q in zip(modules[0].parameters(), modules[1].parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-5, atol=1e-7)


def test_moments_of_weights_without_gradients_never_become_denormal() -> None:
    optimiser = AdamW(Weights(nn.Linear(2, 2, bias=False)))
    optimiser.move([torch.tensor([[1.0, 1e-6], [1e-12, 1.0]])])
    for _ in range(2_000):
        optimiser.move([torch.tensor([[0.0, 0.0], [0.0, 1.0]])], 1.0)
        for moments in (optimiser.means, optimiser.squares):
            assert (moments[moments != 0].abs() > torch.finfo(torch.float32).tiny).all()
    assert (optimiser.means != 0).sum() == 1


def test_an_optimiser_goes_on_from_its_state_and_refuses_anothers() -> None:
    module = nn.Linear(3, 2)
    first, second = (AdamW(Weights(copy.deepcopy(module))) for _ in range(2))
    first.move([torch.ones(2, 3), torch.ones(2)])
    second.take_up(first.state())
    for name, value in first.state().items():
        assert torch.equal(value, second.state()[name])
        assert value.abs().sum() > 0
    with pytest.raises(ValueError, match="means has the shape"):
        AdamW(Weights(nn.Sequential(module, nn.Linear(1, 1)))).take_up(first.state())


@pytest.mark.parametrize("claimed", [512, 1])
def test_a_state_of_a_larger_machine_starts_no_more_threads_than_there_are(
    claimed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, kept, seen = composition(), Checkpoint(tmp_path), list[int]()

    class Threads(Callback):
        def on_step(self, progress: float, seconds: float) -> None:
            seen.append(torch.get_num_threads())
            if len(seen) == 3:
                os.kill(os.getpid(), signal.SIGTERM)

    settings = replace(SETTINGS, threads=1)
    arguments = (made.model, made.phases, rows(), rows(), settings)
    fit(*arguments, checkpoint=kept, callbacks=[Threads()])
    state = kept.load()
    assert state is not None
    state.numbers["how"]["threads"] = claimed
    kept = Checkpoint(tmp_path / "moved")
    kept.save(state)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    again = composition()
    arguments = (again.model, again.phases, rows(), rows(), settings)
    history = fit(*arguments, checkpoint=kept, callbacks=[Threads()])
    assert set(seen[3:]) == {min(claimed, 2)}
    assert any("Resumed with 2 threads" in note for note in history.notes) is (claimed > 2)


def test_a_budget_becomes_a_number_of_steps_once_it_is_resumed(tmp_path: Path) -> None:
    """From there on the bits depend on the steps alone, however slowly they are taken."""
    settings = Settings(budget=1.5, batch_size=8, patience=1.0, threads=1)

    def go_on(folder: Path, *callbacks: Callback) -> tuple[LatentModel, History]:
        made = composition()
        kept = Checkpoint(folder)
        return made.model, fit(
            made.model, made.phases, rows(), rows(), settings, checkpoint=kept, callbacks=callbacks
        )

    go_on(tmp_path / "a", StopAt(40))
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    state = Checkpoint(tmp_path / "a").load()
    assert state is not None
    planned = state.numbers["planned"]
    assert planned > 40
    at_once, history = go_on(tmp_path / "a")
    _, stopped = go_on(tmp_path / "b", Pause(0.05), StopAt(3))
    assert stopped.step == 43
    slowly, other = go_on(tmp_path / "b")
    assert history.ended == other.ended == "budget"
    assert history.step == other.step == planned
    for ours, theirs in zip(weights(at_once), weights(slowly), strict=True):
        assert torch.equal(ours, theirs)


class Pause(Callback):
    """Takes its time at every step."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def on_step(self, progress: float, seconds: float) -> None:
        time.sleep(self.seconds)


class Quiet(BaseException):
    """An error that is no Exception and cannot even be told."""

    def __str__(self) -> str:
        raise ValueError("no words")


@pytest.mark.parametrize("error", [SystemExit(3), Quiet(), GeneratorExit(), MemoryError("full")])
@pytest.mark.parametrize("method", ["on_step", "on_report", "on_end"])
def test_whatever_a_callback_raises_training_goes_on_and_tells_it_once(
    method: str, error: BaseException
) -> None:
    class Raising(Callback):
        calls = 0

    def call(self: Raising, *_: object) -> None:
        self.calls += 1
        raise error

    setattr(Raising, method, call)
    made, raising = composition(), Raising()
    history = fit(
        made.model, made.phases, rows(), rows(), SETTINGS, callbacks=[raising, Callback()]
    )
    assert history.ended == "finished"
    assert raising.calls == 1
    assert len(history.notes) == 1
    assert f"Raising failed in {method} and was left out" in history.notes[0]


def test_ctrl_c_in_a_callback_still_stops_the_training() -> None:
    class Impatient(Callback):
        def on_step(self, progress: float, seconds: float) -> None:
            raise KeyboardInterrupt

    made = composition()
    with pytest.raises(KeyboardInterrupt):
        fit(made.model, made.phases, rows(), rows(), SETTINGS, callbacks=[Impatient()])


def test_a_training_whose_validation_is_never_finite_has_diverged() -> None:
    made = composition()
    wild = Settings(epochs=1, batch_size=8, lr=1e30)
    with pytest.raises(DivergenceError, match="not finite"):
        fit(made.model, made.phases, rows(), rows(), wild)
