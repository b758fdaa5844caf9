"""A disk that fills up, or a folder that may not be written: no training is lost by it."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from variata import atomic, fit, load
from variata.errors import StoreError
from variata.store import folder as saved_folder
from variata.tasks.model import Model
from variata.tasks.train import resume

ARGUMENTS: dict[str, Any] = {"latent": 2, "hidden": (8,), "epochs": 4, "threads": 1}
PARTS = ("config.json", "model.safetensors", "history.jsonl", "README.md", "manifest.json")
LIMITED = """
import resource, sys
from variata.cli.app import run
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
sys.exit(run(sys.argv[2:]))
"""


def failing_at(name: str, number: int) -> Callable[[Path, Callable[[Path], None]], None]:
    """A `write_atomic` in which writing this file fails as the system would have it."""
    write = atomic.write_atomic

    def replaced(path: Path, fill: Callable[[Path], None]) -> None:
        def failing(part: Path) -> None:
            raise OSError(number, os.strerror(number))

        write(path, failing if path.name == name else fill)

    return replaced


def same(ours: Model, theirs: Model) -> bool:
    other = theirs.module.state_dict()
    return all(torch.equal(v, other[n]) for n, v in ours.module.state_dict().items())


@pytest.fixture(scope="module")
def whole(table_csv: Path) -> Model:
    """What comes of a training that nothing disturbs."""
    return fit(table_csv, **ARGUMENTS)


@pytest.mark.parametrize(
    ("name", "number"), [*((name, errno.ENOSPC) for name in PARTS), ("config.json", errno.EROFS)]
)
def test_where_the_model_cannot_be_saved_the_training_is_kept_and_resuming_saves_it(
    name: str,
    number: int,
    whole: Model,
    table_csv: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(atomic, "write_atomic", failing_at(name, number))
        patch.setattr(saved_folder, "write_atomic", failing_at(name, number))
        with pytest.raises(StoreError, match=f"{name}: {os.strerror(number)}"):
            fit(table_csv, out=run, **ARGUMENTS)
    assert not list(run.glob(".*.part"))
    with pytest.raises(StoreError, match="--resume"):
        load(run)
    assert same(resume(run), whole)
    assert same(load(run), whole)


def test_where_what_is_asked_cannot_be_written_nothing_is_begun(
    table_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(atomic, "write_atomic", failing_at("training.json", errno.ENOSPC))
        with pytest.raises(StoreError, match="No space left"):
            fit(table_csv, out=tmp_path / "run", **ARGUMENTS)
    assert not list((tmp_path / "run").iterdir())
    fit(table_csv, out=tmp_path / "run", **ARGUMENTS)


def test_a_real_limit_of_file_size_is_one_sentence_and_the_run_goes_on_without_it(
    table_csv: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    asked = ["train", str(table_csv), "--latent", "2", "--hidden", "64", "--epochs", "2"]
    command = [sys.executable, "-c", LIMITED, "4500", *asked, "--out", str(run)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 5, done.stderr
    assert "A checkpoint could not be saved" in done.stderr
    assert "error: Cannot write" in done.stderr.splitlines()[-1]
    assert not list(run.rglob("*.part"))
    resume(run)
    assert load(run).history


def test_what_is_asked_is_guarded_and_the_difference_told(
    table_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(saved_folder, "write_atomic", failing_at("model.safetensors", errno.ENOSPC))
        with pytest.raises(StoreError):
            fit(table_csv, out=run, **ARGUMENTS)
    path = run / "training.json"
    text, plan = path.read_text(), json.loads(path.read_text())
    plan["settings"]["lr"], plan["arguments"]["latent"] = 0.5, 3
    path.write_text(json.dumps(plan))
    with pytest.raises(StoreError, match=r"arguments\.latent from 2 to 3, settings\.lr from"):
        resume(run)
    (run / "checkpoint" / "training.json").unlink()
    with pytest.raises(StoreError, match="was changed since its training began: put it back"):
        resume(run)
    path.write_text(text)
    assert resume(run).saved.about["versions"]["torch"]


def test_a_lock_and_parts_that_a_killed_training_left_are_no_use_of_a_folder(
    table_csv: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "training.lock").write_text("1")
    (run / ".training.json.abc.part").write_text("{")
    fit(table_csv, out=run, **ARGUMENTS)
    assert {path.name for path in run.iterdir()} == set(PARTS)
