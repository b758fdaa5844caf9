"""How training shows itself: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import atexit
import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from variata.cli.console import say, speaks
from variata.training import Callback, History, Report


def watcher(quiet: bool) -> Callback:
    """The callback that suits standard error."""
    if quiet or not speaks():
        return Callback()
    return Bar() if sys.stderr.isatty() else Lines()


LATE = 2.0  # seconds: what is done sooner needs no bar


class Share:
    """A bar for work over many rows, on a terminal, once it takes longer than a moment."""

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.bar: Any = None

    def __call__(self, share: float) -> None:
        if self.bar is None and share < 1 and time.monotonic() - self.begun > LATE:
            self.bar = _bar()
            self.task = self.bar.add_task("", total=1.0)
            self.bar.start()
            atexit.register(self.bar.stop)  # an error must not leave the terminal without cursor
        if self.bar is not None:
            self.bar.update(self.task, completed=share)
            if share >= 1:
                self.bar.stop()
                self.bar = None


def share_watcher() -> Share | None:
    """The bar, where standard error is a terminal."""
    return Share() if sys.stderr.isatty() else None


class Lines(Callback):
    """A line for every validation, and for what is unusual."""

    def on_note(self, note: str) -> None:
        say(f"note: {note}")

    def on_report(self, report: Report) -> None:
        left = remaining(report)
        say(f"{report.progress:4.0%}  {left:>8} left  epoch {report.epoch:6.1f}  {figures(report)}")

    def on_end(self, history: History) -> None:
        finish(history)


class Bar(Callback):
    """A bar with the time that remains, and the figures of the last validation."""

    def __init__(self) -> None:
        self.bar = _bar()
        self.task = self.bar.add_task("", total=1.0)

    def on_start(self, plan: Mapping[str, Any]) -> None:
        self.bar.start()

    def on_step(self, progress: float, seconds: float) -> None:
        self.bar.update(self.task, completed=progress)

    def on_report(self, report: Report) -> None:
        self.bar.update(self.task, completed=report.progress, description=figures(report))

    def on_note(self, note: str) -> None:
        self.bar.console.print(f"note: {note}", highlight=False, markup=False)

    def on_end(self, history: History) -> None:
        self.bar.stop()
        if history.reports:
            say(f"epoch {history.reports[-1].epoch:.1f}  {figures(history.reports[-1])}")
        finish(history)


def remaining(report: Report) -> str:
    """The time that is left, judged by the time and the progress so far.

    >>> remaining(Report(9, 1, 0.25, 40, 1234, 1e-3, {}, {}, {}, 0, True))
    '0:02:00'
    """
    if not report.progress:
        return "?"
    return str(timedelta(seconds=round(report.seconds * (1 / report.progress - 1))))


def figures(report: Report) -> str:
    """The validation figures of a report, in nats per example.

    The loss is what the last part of the training minimises: the best weights are those of the
    lowest. Being a tighter bound, it may fall while the ELBO falls too.

    >>> figures(Report(9, 1, 0.5, 2, 1234, 1e-3, {}, {}, {"distortion": 80.123}, 79.9, True))
    'valid: distortion 80.12  loss 79.90  | 1,234 examples/s  * best'
    """
    valid = "  ".join(f"{_name(name)} {value:.2f}" for name, value in report.valid.items())
    best = "  * best" if report.best else ""
    return f"valid: {valid}  loss {report.criterion:.2f}  | {report.speed:,.0f} examples/s{best}"


def finish(history: History) -> None:
    """How training ended."""
    if not history.reports:  # an error says the rest
        return
    say(
        f"Training ended ({history.ended}); the best weights are those of step {history.best_step}."
    )


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        BarColumn(30),
        "{task.percentage:>3.0f}%",
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True)


def _name(name: str) -> Any:
    return "ELBO" if name == "elbo" else name
