"""Warm starts: what fits is taken, what does not is told, and resuming knows of it."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from test_interrupt import BEFORE_A_STEP, FROM_A_STEP, interrupted, same
from variata import fit, load
from variata.cli.app import run
from variata.errors import ShapeError, StoreError, UsageError
from variata.tasks.model import Model
from variata.tasks.train import resume
from variata.tasks.warm import taken

FAST: dict[str, Any] = {"epochs": 4, "threads": 1}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "first"
    fit("digits", "beta_vae", beta=2.0, latent=3, hidden=(8,), out=folder, epochs=5)
    return folder


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "others.npy"
    np.save(path, np.random.default_rng(0).integers(0, 17, (300, 8, 8)).astype(float))
    return path


def test_recipe_arguments_and_weights_are_the_runs(first: Path, others: Path) -> None:
    told: list[str] = []
    model = fit(others, init=first, announce=told.append, lr=1e-12, **FAST)
    assert (model.recipe, model.saved.arguments["beta"], model.latent) == ("beta_vae", 2.0, 3)
    theirs = load(first).module.state_dict()
    for name, value in model.module.state_dict().items():
        torch.testing.assert_close(value, theirs[name], atol=1e-6, rtol=0)
    [line] = [line for line in told if line.startswith("starts from")]
    assert f"{len(theirs)} of {len(theirs)} tensors are taken" in line
    assert model.saved.about["init"]["run"] == str(first.resolve())


def test_arguments_may_be_others_and_what_does_not_fit_is_told(first: Path, others: Path) -> None:
    told: list[str] = []
    model = fit(others, init=first, latent=5, beta=1.0, announce=told.append, lr=1e-12, **FAST)
    assert (model.latent, model.saved.arguments["beta"]) == (5, 1.0)
    [line] = [line for line in told if line.startswith("starts from")]
    assert "5 of 8 tensors are taken; without counterpart of their shape: decoder.network" in line
    theirs, ours = load(first).module.state_dict(), model.module.state_dict()
    fits = [name for name in ours if ours[name].shape == theirs[name].shape]
    assert 0 < len(fits) < len(ours)
    for name in fits:
        torch.testing.assert_close(ours[name], theirs[name], atol=1e-6, rtol=0)
    assert fit(others, "vae", init=first, latent=3, hidden=(8,), **FAST).recipe == "vae"


def test_what_cannot_be_is_one_sentence(first: Path, table: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(ShapeError, match=r"shape \(1, 8, 8\), and these have \(4,\)"):
        fit(table, init=first, **FAST)
    with pytest.raises(StoreError, match="no saved model"):
        fit("digits", init=tmp_path, **FAST)
    saved = load(first).saved
    with pytest.raises(UsageError, match="No weights"):
        taken(saved, "run", torch.nn.Linear(2, 2), (1, 8, 8))  # type: ignore[arg-type]


@pytest.mark.parametrize("place", [BEFORE_A_STEP["first step"], FROM_A_STEP["validating"]])
def test_a_resumed_warm_start_has_the_same_bits(
    place: Any, first: Path, others: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {"init": first, "save_every": 1e-9, **FAST}

    def work() -> Model:
        return fit(others, out=tmp_path / "run", **asked)

    interrupted(monkeypatch, place, signal.SIGTERM, 0 if place[1] == "advance" else 1, work)
    assert same(resume(tmp_path / "run"), fit(others, **asked))


def test_another_run_in_its_place_is_noticed(
    first: Path, others: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = tmp_path / "start"
    shutil.copytree(first, start)

    def work() -> Model:
        return fit(others, init=start, out=tmp_path / "run", **FAST)

    interrupted(monkeypatch, BEFORE_A_STEP["trial"], signal.SIGTERM, 0, work)
    shutil.rmtree(start)
    fit("digits", "beta_vae", latent=3, hidden=(8,), out=start, epochs=1)
    with pytest.raises(StoreError, match="has changed since this training began"):
        resume(tmp_path / "run")


def test_command_line(
    first: Path, others: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["train", str(others), "--init", str(first), "--epochs", "1", "--out"]
    assert run([*asked, str(tmp_path / "r"), "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["recipe"] == "beta_vae"
    assert "starts from" in said.err
    config = tmp_path / "c.yaml"
    config.write_text(f"data: {others}\ninit: {first}\nepochs: 1\n")
    assert run(["train", "--config", str(config), "-q", "--out", str(tmp_path / "s")]) == 0
    assert load(tmp_path / "s").saved.about["init"]["run"] == str(first.resolve())
    assert run([*asked[:3], str(tmp_path / "none"), "--out", str(tmp_path / "t")]) == 5
