"""What may watch a training. A callback can never change or stop it by failing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from variata.training.history import History, Report


class Callback:
    """Override what you need; every method does nothing by default."""

    def on_start(self, plan: Mapping[str, Any]) -> None:
        """Before the first step, also of a resumed training: what was asked, resolved.

        Args:
            plan: plain values: "id" (the same when resumed), "recipe", "arguments", "settings",
                "data", "device", "made" (versions, and the state of the repository).
        """

    def on_step(self, progress: float, seconds: float) -> None:
        """After every step."""

    def on_report(self, report: Report) -> None:
        """After every validation."""

    def on_note(self, note: str) -> None:
        """When something unusual has happened, such as a checkpoint that could not be written."""

    def on_end(self, history: History) -> None:
        """After the last step, however training ended."""


class Callbacks(Callback):
    """Several callbacks as one. One that raises is left out from then on, and noted once.

    Whatever it raises, an exit of the interpreter included; only Ctrl-C still stops the training.
    """

    def __init__(self, callbacks: Sequence[Callback], history: History) -> None:
        self.callbacks, self.history = list(callbacks), history
        self.told = len(history.notes)

    def on_start(self, plan: Mapping[str, Any]) -> None:
        self._each("on_start", plan)

    def on_step(self, progress: float, seconds: float) -> None:
        self._each("on_step", progress, seconds)
        self._notes()

    def on_report(self, report: Report) -> None:
        self._each("on_report", report)

    def on_end(self, history: History) -> None:
        self._notes()
        self._each("on_end", history)

    @contextmanager
    def told_of_failure(self) -> Iterator[None]:
        """Tell all how training ended also where an error ends it."""
        try:
            yield
        except BaseException as error:
            ended = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
            self.on_end(History(ended=ended))
            raise

    def _notes(self) -> None:
        while self.told < len(self.history.notes):
            self.told += 1
            self._each("on_note", self.history.notes[self.told - 1])

    def _each(self, method: str, *arguments: object) -> None:
        for callback in list(self.callbacks):
            try:
                getattr(callback, method)(*arguments)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                self._leave_out(callback, method, error)

    def _leave_out(self, callback: Callback, method: str, error: BaseException) -> None:
        self.callbacks = [other for other in self.callbacks if other is not callback]
        name = type(callback).__name__
        self.history.notes.append(f"{name} failed in {method} and was left out: {told(error)}")


def told(error: BaseException) -> str:
    """What an error says, or its kind where it says nothing or fails at saying it.

    >>> told(ValueError("no")), told(SystemExit())
    ('no', 'SystemExit')
    """
    try:
        return str(error) or type(error).__name__
    except Exception:
        return type(error).__name__
