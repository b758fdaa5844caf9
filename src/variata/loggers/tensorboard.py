"""Figures for TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from variata.loggers.figures import as_text, backend, figures
from variata.training import Callback, History, Report


class TensorBoard(Callback):
    """Writes event files; `tensorboard --logdir FOLDER` shows them.

    A resumed training goes on in the same curves: what was logged after its checkpoint is dropped.

    Args:
        folder: for the event files.

    Raises:
        MissingExtraError: tensorboard is not installed.
    """

    def __init__(self, folder: str | Path) -> None:
        self._writers = backend("torch.utils.tensorboard", "tensorboard")
        self.folder, self.writer, self._text = Path(folder), None, ""

    def on_start(self, plan: Mapping[str, Any]) -> None:
        self._text = as_text(plan).replace("\n", "\n    ")

    def on_report(self, report: Report) -> None:
        writer = self._open(report.step)
        for name, value in figures(report).items():
            writer.add_scalar(name, value, report.step)
        writer.flush()

    def on_end(self, history: History) -> None:
        if self.writer is not None:
            self.writer.add_text("ended", history.ended, history.step)
            self.writer.close()
            self.writer = None

    def _open(self, step: int) -> Any:
        if self.writer is None:
            self.writer = self._writers.SummaryWriter(str(self.folder), purge_step=step)
            self.writer.add_text("configuration", "    " + self._text, step)
        return self.writer
