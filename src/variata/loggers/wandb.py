"""Figures for Weights & Biases."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from variata.loggers.figures import backend, figures
from variata.training import Callback, History, Report


class WandB(Callback):
    """Logs to Weights & Biases; WANDB_MODE=offline needs no network and no account.

    A resumed training goes on in the same run.

    Args:
        folder: where wandb keeps its files; it makes a folder `wandb` there.
        project: of the run.
        options: for `wandb.init`, such as entity or tags.

    Raises:
        MissingExtraError: wandb is not installed.
    """

    def __init__(self, folder: str | Path, project: str = "variata", **options: Any) -> None:
        self._wandb = backend("wandb", "wandb")
        self.folder, self.run = Path(folder), None
        self.options = {"project": project, "name": self.folder.name} | options

    def on_start(self, plan: Mapping[str, Any]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        again = {"id": plan["id"], "resume": "allow", "dir": str(self.folder)}
        self.run = self._wandb.init(config=dict(plan), **again | self.options)

    def on_report(self, report: Report) -> None:
        if self.run is not None:
            self.run.log(figures(report), step=report.step)

    def on_end(self, history: History) -> None:
        if self.run is not None:
            self.run.summary["ended"] = history.ended
            self.run.finish(exit_code=int(history.ended == "failed"))
