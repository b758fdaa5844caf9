"""Loggers: the figures of a training by step, in one run also when it is resumed."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from variata import fit
from variata.cli.app import run as command
from variata.errors import DivergenceError, InterruptError, MissingExtraError, UsageError
from variata.loggers import KNOWN, MLflow, TensorBoard, WandB, figures, named
from variata.tasks import job
from variata.tasks.train import resume
from variata.training import Callback, History, Report

ARGUMENTS: dict[str, Any] = {
    "latent": 2,
    "hidden": (8,),
    "epochs": 8,
    "threads": 1,
    "patience": 1.0,
}


class StopAfter(Callback):
    """Ends a training by a signal after so many reports."""

    def __init__(self, reports: int) -> None:
        self.left = reports

    def on_report(self, report: Report) -> None:
        self.left -= 1
        if not self.left:
            os.kill(os.getpid(), signal.SIGTERM)


class Record(Callback):
    """Keeps all that it is told."""

    def __init__(self) -> None:
        self.plans: list[Mapping[str, Any]] = []
        self.reports: list[Report] = []
        self.ended: list[str] = []

    def on_start(self, plan: Mapping[str, Any]) -> None:
        self.plans.append(plan)

    def on_report(self, report: Report) -> None:
        self.reports.append(report)

    def on_end(self, history: History) -> None:
        self.ended.append(history.ended)


def in_two_parts(data: Path, folder: Path, *loggers: Callback) -> Record:
    """Train, interrupted once, with loggers that live through both parts as processes would not."""
    record = Record()
    with pytest.raises(InterruptError):
        fit(data, out=folder, callbacks=[*loggers, record, StopAfter(2)], **ARGUMENTS)
    resume(folder, callbacks=[*loggers, record])
    return record


def test_callbacks_are_told_the_resolved_configuration_and_the_same_id_when_resumed(
    table_csv: Path, tmp_path: Path
) -> None:
    record = in_two_parts(table_csv, tmp_path / "run")
    first, second = record.plans
    assert first["id"] == second["id"]
    assert first["settings"]["epochs"] == 8
    assert first["arguments"]["network"] == "mlp"
    assert first["made"]["versions"]["torch"]
    assert json.loads(json.dumps(first)) == json.loads(json.dumps(second))
    assert record.ended == ["interrupted", "finished"]


def test_a_logger_that_cannot_start_is_told_at_once_and_left_out(table: np.ndarray) -> None:
    class Broken(Record):
        def on_start(self, plan: Mapping[str, Any]) -> None:
            raise ValueError("no server")

    record, broken, said = Record(), Broken(), list[str]()
    watch = [broken, record]
    fit(table, callbacks=watch, announce=said.append, **ARGUMENTS)
    assert [line for line in said if "Broken failed in on_start" in line] == [said[-1]]
    assert (record.ended, broken.ended) == (["finished"], [])


def test_a_training_that_fails_is_told_to_callbacks_too(
    table: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverging(*_: Any, **__: Any) -> None:
        raise DivergenceError("The loss was not finite.")

    record = Record()
    monkeypatch.setattr(job, "fit", diverging)
    with pytest.raises(DivergenceError):
        fit(table, callbacks=[record], **ARGUMENTS)
    assert record.ended == ["failed"]


def scalars(folder: Path) -> dict[str, list[Any]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return {tag: events.Scalars(tag) for tag in events.Tags()["scalars"]}


@pytest.mark.filterwarnings("ignore")
def test_tensorboard_holds_every_report_once_also_of_a_resumed_run(
    table_csv: Path, tmp_path: Path
) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    record = Record()
    first = TensorBoard(tmp_path / "events")
    with pytest.raises(InterruptError):
        fit(table_csv, out=tmp_path / "run", callbacks=[first, record, StopAfter(2)], **ARGUMENTS)
    resume(tmp_path / "run", callbacks=[TensorBoard(tmp_path / "events"), record])
    found = scalars(tmp_path / "events")
    assert {"lr", "speed", "train/distortion", "valid/elbo"} <= set(found)
    for name, events in found.items():
        wanted = {r.step: figures(r)[name] for r in record.reports if name in figures(r)}
        assert [event.step for event in events] == list(wanted)
        np.testing.assert_allclose([event.value for event in events], [*wanted.values()], rtol=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_wandb_keeps_one_run_offline(
    table_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb", reason="wandb is not installed")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    record = in_two_parts(table_csv, tmp_path / "run", WandB(tmp_path / "run"))
    runs = [path.name for path in (tmp_path / "run" / "wandb").glob("offline-run-*")]
    assert runs
    assert {name.rsplit("-", 1)[-1] for name in runs} == {record.plans[0]["id"]}


@pytest.mark.filterwarnings("ignore")
def test_mlflow_keeps_one_run_with_all_figures(
    table_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed")
    uri = (tmp_path / "store").as_uri()
    record = in_two_parts(table_csv, tmp_path / "run", MLflow("test", uri=uri))
    client = mlflow.MlflowClient(tracking_uri=uri)
    place = client.get_experiment_by_name("variata")
    (run,) = client.search_runs([place.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.params["settings.epochs"] == "8"
    assert run.data.tags["variata.ended"] == "finished"
    kept = client.get_metric_history(run.info.run_id, "valid/elbo")
    assert {m.step: m.value for m in kept} == {r.step: r.valid["elbo"] for r in record.reports}


@pytest.mark.parametrize("name", KNOWN)
def test_a_missing_package_is_one_sentence_with_the_command(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("torch.utils.tensorboard", "wandb", "mlflow"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match="pip install"):
        named(name, tmp_path)


def test_the_command_line_refuses_an_unknown_logger_before_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError, match="Did you mean 'wandb'"):
        named("wandbb", tmp_path)
    asked = ["train", "digits", "--out", str(tmp_path / "run"), "--log", "comet"]
    assert command(asked) == 2
    assert "tensorboard, wandb, mlflow" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
