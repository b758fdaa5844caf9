"""What may watch a training. A callback can never change or stop it by failing."""

from __future__ import annotations

from collections.abc import Sequence

from variata.training.history import History, Report


class Callback:
    """Override what you need; every method does nothing by default."""

    def on_step(self, progress: float, seconds: float) -> None:
        """After every step."""

    def on_report(self, report: Report) -> None:
        """After every validation."""

    def on_end(self, history: History) -> None:
        """After the last step, however training ended."""


class Callbacks(Callback):
    """Several callbacks as one. One that raises is left out from then on, and noted once."""

    def __init__(self, callbacks: Sequence[Callback], history: History) -> None:
        self.callbacks, self.history = list(callbacks), history

    def on_step(self, progress: float, seconds: float) -> None:
        self._each("on_step", progress, seconds)

    def on_report(self, report: Report) -> None:
        self._each("on_report", report)

    def on_end(self, history: History) -> None:
        self._each("on_end", history)

    def _each(self, method: str, *arguments: object) -> None:
        for callback in list(self.callbacks):
            try:
                getattr(callback, method)(*arguments)
            except Exception as error:
                self.callbacks.remove(callback)
                name = type(callback).__name__
                self.history.notes.append(f"{name} failed in {method} and was left out: {error}")
