"""Figures for MLflow."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from variata.loggers.figures import backend, figures, flat
from variata.training import Callback, History, Report

TAG, EXPERIMENT = "variata.id", "variata"
LONGEST = 500  # characters of a parameter
STATUS = {"failed": "FAILED", "interrupted": "KILLED"}


class MLflow(Callback):
    """Logs to MLflow: where `uri` or MLFLOW_TRACKING_URI say, otherwise to the folder `mlruns`.

    A resumed training goes on in the same run, which is found by its tag `variata.id`.

    Args:
        name: of the run.
        experiment: made where there is none.
        uri: of the tracking server or store.

    Raises:
        MissingExtraError: mlflow is not installed.
    """

    def __init__(
        self, name: str | None = None, experiment: str = EXPERIMENT, uri: str | None = None
    ) -> None:
        self._mlflow = backend("mlflow", "mlflow-skinny")
        self.name, self.experiment, self.uri = name, experiment, uri
        self.client: Any = None
        self.run = ""

    def on_start(self, plan: Mapping[str, Any]) -> None:
        uri = self.uri or os.environ.get("MLFLOW_TRACKING_URI") or Path("mlruns").resolve().as_uri()
        if uri.startswith("file:"):  # MLflow asks whether one means it
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        self.client = self._mlflow.MlflowClient(tracking_uri=uri)
        self.run = self._same_run(plan["id"]) or self._new_run(plan)
        self.client.update_run(self.run, status="RUNNING")

    def on_report(self, report: Report) -> None:
        for name, value in figures(report).items():
            self.client.log_metric(self.run, name, value, step=report.step)

    def on_end(self, history: History) -> None:
        self.client.set_tag(self.run, "variata.ended", history.ended)
        self.client.set_terminated(self.run, STATUS.get(history.ended, "FINISHED"))

    def _same_run(self, name: str) -> str:
        found = self.client.search_runs([self._place()], f"tags.`{TAG}` = '{name}'")
        return found[0].info.run_id if found else ""

    def _new_run(self, plan: Mapping[str, Any]) -> str:
        tags = {TAG: plan["id"]}
        made = self.client.create_run(self._place(), tags=tags, run_name=self.name)
        for name, value in flat(plan):
            self.client.log_param(made.info.run_id, name, str(value)[:LONGEST])
        return made.info.run_id

    def _place(self) -> str:
        found = self.client.get_experiment_by_name(self.experiment)
        return found.experiment_id if found else self.client.create_experiment(self.experiment)
