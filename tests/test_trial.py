"""How a training uses the machine is measured, recorded, and changes no mathematics."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
import torch

from compiled import NEEDS_COMPILER
from rows import Rows
from variata import recipes
from variata.batch import Batch
from variata.models import start
from variata.schedules import Moment
from variata.training import Checkpoint, Settings, fit
from variata.training.checkpoint import State
from variata.training.machine import How, applied, usual
from variata.training.trial import COMPILE_FROM, FEWEST_STEPS, UNLIMITED, chosen, rehearsal
from variata.training.work import Work

MANY = 10 * FEWEST_STEPS


def clockwork(eager: float, threads: dict[int, float], compiled: float) -> Callable:
    """A rehearsal with known durations."""

    def rehearse(how: How, seconds: float) -> float:
        return (compiled if how.compiled else eager) * threads.get(how.threads, 1.0)

    return rehearse


@pytest.fixture
def four_threads() -> object:
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield None
    torch.set_num_threads(before)


@pytest.mark.usefixtures("four_threads")
def test_the_faster_number_of_threads_is_taken() -> None:
    how, said = chosen(How(threads=4), clockwork(0.1, {1: 0.5, 4: 1.0}, 9), MANY, None, None, "off")
    assert how.threads == 1
    assert said.startswith("1 of 4 threads")


@pytest.mark.usefixtures("four_threads")
def test_a_small_gain_changes_nothing() -> None:
    how, _ = chosen(How(threads=4), clockwork(0.1, {1: 0.97, 4: 1.0}, 9), MANY, None, None, "off")
    assert how.threads == 4


@pytest.mark.parametrize("convolves", [False, True])
@pytest.mark.parametrize("share", [0.5, 0.97])
def test_channels_lie_last_where_convolutions_gain_by_it(convolves: bool, share: float) -> None:
    def rehearse(how: How, seconds: float) -> float:
        return 0.1 * share**how.channels_last

    usually = How(precision="bf16")
    how, said = chosen(usually, rehearse, MANY, None, None, "off", convolves=convolves)
    assert how.channels_last == (convolves and share == 0.5)
    assert said == ("Channels last (0.50 of the time)." if how.channels_last else "")


@pytest.mark.parametrize("seconds", [0.001, 0.05])
def test_a_rehearsal_of_slow_steps_takes_few(seconds: float) -> None:
    steps = 0

    def slow() -> None:
        nonlocal steps
        steps += 1
        time.sleep(0.2)

    each = rehearsal(slow, How(), seconds, torch.device("cpu"))
    assert each == pytest.approx(0.2, rel=0.5)
    assert steps == 2


@pytest.mark.usefixtures("four_threads")
def test_steps_that_are_slow_for_the_budget_are_not_tried_with_other_threads() -> None:
    tried: list[How] = []

    def rehearse(how: How, seconds: float) -> float:
        tried.append(how)
        return 5.0

    how, said = chosen(How(threads=4), rehearse, None, 60.0, None, "off")
    assert (how.threads, said, len(tried)) == (4, "", 1)


def test_a_budget_that_preparation_has_spent_still_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules["variata.training.fit"]

    def slow(*arguments: object) -> tuple[How, str]:
        time.sleep(0.3)
        return How(), ""

    monkeypatch.setattr(module, "chosen", slow)
    made = recipes.vae(shape=(5,), latent=2, hidden=(8,))
    data = Rows(torch.randn(40, 5, generator=torch.Generator().manual_seed(0)))
    history = fit(made.model, made.phases, data, data, Settings(budget=0.2, batch_size=10))
    assert (history.ended, history.step, history.best_step) == ("budget", 1, 1)


@pytest.mark.parametrize("where", [["cuda", 1], ["cpu", 2]])
def test_what_was_measured_elsewhere_is_measured_again(where: list[object], tmp_path: Path) -> None:
    made = recipes.vae(shape=(5,), latent=2, hidden=(8,))
    data = Rows(torch.randn(40, 5, generator=torch.Generator().manual_seed(0)))
    checkpoint, settings = Checkpoint(tmp_path), Settings(epochs=3, batch_size=10, threads=1)
    fit(made.model, made.phases, data, data, settings, checkpoint=checkpoint)
    state = checkpoint.load()
    assert state is not None
    assert state.numbers["where"] == ["cpu", 1]
    how = state.numbers["how"] | {"replayed": True, "batch_size": 5}
    history = state.numbers["history"] | {"ended": ""}
    moved = state.numbers | {"where": where, "how": how, "history": history, "step": 3}
    there = Checkpoint(tmp_path / "there")
    there.save(State(state.tensors, moved))
    found = fit(made.model, made.phases, data, data, settings, checkpoint=there)
    assert any("Resumed on cpu after" in note for note in found.notes)
    assert (found.how["replayed"], found.how["batch_size"]) == (False, 10)


def test_short_runs_are_not_measured() -> None:
    def never(how: How, seconds: float) -> float:
        raise AssertionError("measured")

    how, said = chosen(How(threads=3), never, FEWEST_STEPS - 1, None, None, "auto")
    assert (how, said) == (How(threads=3), "")


def test_nothing_is_measured_where_nothing_is_left_to_choose() -> None:
    def never(how: How, seconds: float) -> float:
        raise AssertionError("measured")

    how, said = chosen(How(threads=3), never, MANY, None, 2, "on")
    assert (how, said) == (How(threads=2, compiled=True), "")


def test_what_is_asked_for_is_obeyed() -> None:
    rehearse = clockwork(0.1, {1: 0.1}, 0.01)
    how, _ = chosen(How(threads=4), rehearse, MANY, None, 2, "off")
    assert how == How(threads=2)
    assert chosen(How(threads=4), rehearse, MANY, None, None, "on")[0].compiled


@pytest.mark.parametrize(
    ("compiled", "seconds", "expected"),
    [
        (0.05, 2 * COMPILE_FROM, True),
        (0.12, 2 * COMPILE_FROM, False),
        (0.05, 0.8 * COMPILE_FROM, False),
    ],
)
def test_long_runs_are_compiled_where_it_pays(
    compiled: float, seconds: float, expected: bool
) -> None:
    rehearse = clockwork(0.1, {}, compiled)
    how, said = chosen(How(threads=1), rehearse, round(seconds / 0.1), None, 1, "auto")
    assert how.compiled == expected
    assert ("compiled" in said) == (seconds > COMPILE_FROM)


def test_what_cannot_be_compiled_runs_as_it_is_and_says_so() -> None:
    def rehearse(how: How, seconds: float) -> float:
        if how.compiled:
            raise RuntimeError("no compiler here\nsecond line")
        return 1.0

    how, said = chosen(How(threads=1), rehearse, MANY, None, 1, "auto")
    assert not how.compiled
    assert said == "Not compiled: RuntimeError: no compiler here."


class Last:
    """An object whose end takes long, in which no error passes."""

    def __del__(self) -> None:
        time.sleep(30)


def caught(kind: type[BaseException]) -> None:
    with suppress(kind):
        time.sleep(30)


@pytest.mark.parametrize(
    "swallow", [partial(caught, Exception), partial(caught, BaseException), Last]
)
def test_compiling_that_takes_too_long_is_given_up(
    swallow: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def rehearse(how: How, seconds: float) -> float:
        if how.compiled:
            swallow()
            time.sleep(30)
        return 0.1

    monkeypatch.setattr("variata.training.trial.COMPILE_FROM", 1.0)
    monkeypatch.setattr("variata.training.deadline.AGAIN", 0.1)
    before, begun = signal.getsignal(signal.SIGALRM), time.monotonic()
    how, said = chosen(How(threads=1), rehearse, None, 2.0, 1, "auto")
    assert (how.compiled, said) == (False, "Not compiled: it was given up after 0 s.")
    assert time.monotonic() - begun < 15
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_where_compiling_cannot_be_given_up_only_long_runs_are_compiled() -> None:
    def at(seconds: float) -> bool:
        rehearse = clockwork(0.1, {}, 0.05)
        return chosen(How(threads=1), rehearse, None, seconds, 1, "auto")[0].compiled

    with ThreadPoolExecutor(1) as pool:
        waits = [pool.submit(at, factor * COMPILE_FROM) for factor in (2, 2 * UNLIMITED)]
        assert [wait.result() for wait in waits] == [False, True]


def test_small_work_takes_one_thread_and_the_number_is_put_back() -> None:
    before = torch.get_num_threads()
    how = usual(torch.nn.Linear(4, 4), 32)
    assert how.threads == 1
    with applied(How(threads=2)):
        assert torch.get_num_threads() == 2
    assert torch.get_num_threads() == before


@NEEDS_COMPILER
def test_a_compiled_step_computes_the_same() -> None:
    torch.manual_seed(0)
    made, x = recipes.ae(shape=(6,), latent=2, hidden=(8,)), torch.randn(16, 6)
    start(made.model, x)
    own = list(made.model.parameters())
    objective, moment, batch = made.phases[0].objective, Moment(3, 0.5), Batch(x, x)
    plain = Work(made.model, objective, [own], How())(batch, moment)
    fast = Work(made.model, objective, [own], How(compiled=True, batch_size=16))(batch, moment)
    torch.testing.assert_close(plain.figures, fast.figures)
    for ours, theirs in zip(plain.gradients[0], fast.gradients[0], strict=True):
        torch.testing.assert_close(ours, theirs)


def test_choices_are_kept_when_a_training_is_resumed(tmp_path: Path) -> None:
    made, x = recipes.vae(shape=(3,), latent=2, hidden=(8,)), torch.randn(40, 3)
    checkpoint = Checkpoint(tmp_path)
    settings = Settings(epochs=2, batch_size=8, threads=2)
    fit(made.model, made.phases, Rows(x), Rows(x), settings, checkpoint=checkpoint)
    state = checkpoint.load()
    assert state is not None
    assert state.numbers["how"] == How(threads=2, batch_size=8).as_dict()
