"""The history of a training, in its folder while it goes on."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from variata.errors import StoreError
from variata.store.history import read_history, write_history
from variata.training import Callback, Report


class HistoryFile(Callback):
    """Writes all reports after each, so that a killed training leaves them too.

    Where that fails it is tried again after the next; the model's own history is whole anyway.

    Args:
        path: of the file.
        step: that training goes on from. What the file holds of later ones is forgotten.
    """

    def __init__(self, path: Path, step: int) -> None:
        self.path = path
        self.reports = [report for report in _read(path) if report["step"] <= step]

    def on_report(self, report: Report) -> None:
        before = [known for known in self.reports if known["step"] < report.step]
        self.reports = [*before, report.as_dict()]
        with suppress(StoreError):
            write_history(self.path, self.reports)


def _read(path: Path) -> list[dict[str, Any]]:
    """What a training that goes on has reported, as far as it can be read."""
    try:
        return read_history(path) if path.is_file() else []
    except StoreError:
        return []
