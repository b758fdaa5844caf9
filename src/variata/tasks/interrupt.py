"""What a signal means to a training as a whole, from the reading of its data to its saved model."""

from __future__ import annotations

import signal
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

from variata.errors import InterruptError
from variata.tasks.asked import how_to_go_on
from variata.training.history import History
from variata.training.signals import Stopped, StopRequest

P = ParamSpec("P")
T = TypeVar("T")


def interruptible(function: Callable[P, T]) -> Callable[P, T]:
    """Obey signals in all of a function; where they stop it early, nothing was begun."""

    @wraps(function)
    def call(*arguments: P.args, **more: P.kwargs) -> T:
        try:
            with StopRequest():
                return function(*arguments, **more)
        except Stopped as stopped:
            raise before_a_step(stopped.number) from None

    return call


def before_a_step(number: int, folder: Path | None = None) -> InterruptError:
    """Nothing was trained yet; `folder` holds what was asked, if that was written already."""
    how = "Start again with the same command." if folder is None else _go_on(folder)
    name = signal.Signals(number).name
    return _error(
        f"Stopped by {name} before a step was taken, so that nothing is lost. {how}", number
    )


def while_training(history: History, folder: Path) -> InterruptError:
    """The state is in the run's folder."""
    said = f"Stopped at step {history.step}, with everything saved. {_go_on(folder)}"
    return _error(said, history.signal or signal.SIGINT)


def between_trainings(number: int, folder: Path) -> InterruptError:
    """Several trainings in one folder, each of which is found again there."""
    name = signal.Signals(number).name
    return _error(
        f"Stopped by {name}; what was done is kept in {folder}. Go on with the same command.",
        number,
    )


def refuse_late(folder: Path) -> None:
    """Tell of a signal that came when the training had ended.

    Raises:
        InterruptError: its exit code is the signal's; the model in the folder is whole.
    """
    number = StopRequest.number_now()
    if number is not None:
        name = signal.Signals(number).name
        raise _error(
            f"{name} came when training had ended: the model in {folder} is whole.", number
        )


def refuse_unwritten(what: str) -> None:
    """Tell of a signal that came while something was made that is written only when it is whole.

    Raises:
        InterruptError: its exit code is the signal's; nothing was written.
    """
    number = StopRequest.number_now()
    if number is not None:
        name = signal.Signals(number).name
        raise _error(
            f"Stopped by {name} while {what}: nothing was written. Start again with the same "
            "command.",
            number,
        )


def _go_on(folder: Path) -> str:
    return f"Go on with: {how_to_go_on(folder)}"


def _error(said: str, number: int) -> InterruptError:
    error = InterruptError(said)
    error.exit_code = 128 + number
    return error
