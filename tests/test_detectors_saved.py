"""Saved detectors: the same scores, and refusals of what is not one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from variata import Detector
from variata.atomic import sha256
from variata.cli.app import run
from variata.errors import StoreError, UsageError
from variata.tasks.detection.saved import FACTS, MANIFEST, NUMBERS


@pytest.fixture(scope="module")
def detector(table: np.ndarray) -> Detector:
    return Detector(0.05, epochs=2).fit(
        pd.DataFrame(table, columns=[*"abcdefgh"[: table.shape[1]]])
    )


@pytest.fixture(scope="module")
def kept(detector: Detector, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("detectors") / "one"
    detector.save(folder)
    return folder


def frame(detector: Detector, table: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(table[:20], columns=list(detector.feature_names_in_))


def test_everything_comes_back(detector: Detector, kept: Path, table: np.ndarray) -> None:
    again, rows = Detector.load(kept), frame(detector, table)
    np.testing.assert_array_equal(again.decision_function(rows), detector.decision_function(rows))
    np.testing.assert_array_equal(again.predict_proba(rows), detector.predict_proba(rows))
    np.testing.assert_array_equal(again.explain(rows).nats, detector.explain(rows).nats)
    np.testing.assert_array_equal(again.labels_, detector.labels_)
    assert again.explain(rows).first(0) == detector.explain(rows).first(0)
    assert again.threshold_ == detector.threshold_
    given = detector.get_params() | {"device": "cpu"}
    assert again.get_params() == given
    with pytest.raises(ValueError, match="feature names"):
        again.predict(rows.rename(columns={"a": "z"}))


def test_images_come_back(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 17, (40, 8, 8))
    detector = Detector(epochs=1).fit(images)
    detector.save(tmp_path / "kept")
    again = Detector.load(tmp_path / "kept")
    np.testing.assert_array_equal(
        again.decision_function(images), detector.decision_function(images)
    )
    np.testing.assert_array_equal(again.explain(images).nats, detector.explain(images).nats)


def test_a_folder_in_use_stays_as_it_is(detector: Detector, kept: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    for folder in (tmp_path, kept):
        before = sorted(path.name for path in folder.iterdir())
        with pytest.raises(StoreError, match="in use"):
            detector.save(folder)
        assert sorted(path.name for path in folder.iterdir()) == before


@pytest.mark.parametrize("name", [FACTS, NUMBERS, "member-2/manifest.json", "member-1/config.json"])
@pytest.mark.parametrize("how", ["gone", "cut", "changed"])
def test_damage_is_named(kept: Path, tmp_path: Path, name: str, how: str) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(kept, folder)
    content = (folder / name).read_bytes()
    if how == "gone":
        (folder / name).unlink()
    else:
        middle = len(content) // 2
        other = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        (folder / name).write_bytes(content[:middle] if how == "cut" else other)
    with pytest.raises(StoreError, match=Path(name).name if "member" not in name else "member-"):
        Detector.load(folder)


def test_a_save_that_was_interrupted_is_no_detector(kept: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(kept, folder)
    (folder / MANIFEST).unlink()
    with pytest.raises(StoreError, match="no saved detector"):
        Detector.load(folder)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("format", 99, "upgrade"),
        ("contamination", 0.7, "contamination"),
        ("calibrations", [{"error": {"median": "x", "unit": 1.0}}], "calibrations"),
        ("calibrations", [], "calibrations"),
        ("code", "import os", "code"),
    ],
)
def test_facts_that_cannot_be_are_refused(
    kept: Path, tmp_path: Path, key: str, value: object, said: str
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(kept, folder)
    facts = json.loads((folder / FACTS).read_text())
    (folder / FACTS).write_text(json.dumps(facts | {key: value}))
    with pytest.raises(StoreError, match=said):
        Detector.load(folder)


def test_numbers_of_other_models_are_refused(kept: Path, tmp_path: Path) -> None:
    """Also where somebody has made the digests fit."""
    folder = tmp_path / "copy"
    shutil.copytree(kept, folder)
    numbers = load_file(folder / NUMBERS)
    numbers["1.reference.z"] = torch.cat([numbers["1.reference.z"]] * 2, 1)
    save_file(numbers, folder / NUMBERS)
    digests = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(digests | {NUMBERS: sha256(folder / NUMBERS)}))
    with pytest.raises(StoreError, match=f"{NUMBERS} does not fit .* Fit the detector again"):
        Detector.load(folder)


def test_command_line(table_csv: Path, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    folder, scores = tmp_path / "kept", tmp_path / "scores.npy"
    rows = ["detect", str(table_csv), str(table_csv)]
    assert run([*rows, "--save", str(folder), "--out", str(scores)]) == 0
    assert f"variata detect {folder} ROWS" in capsys.readouterr().err
    first = np.load(scores)
    assert run(["detect", str(folder), str(table_csv), "--out", str(scores), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    np.testing.assert_array_equal(np.load(scores), first)
    more = ["--contamination", "0.4", "--json"]
    assert run(["detect", str(folder), str(table_csv), *more]) == 0
    assert json.loads(capsys.readouterr().out)["threshold"] < told["threshold"]
    for bad, said in (
        (["detect", str(folder)], "Name the rows"),
        (["detect", str(folder), str(table_csv), "--save", str(tmp_path / "x")], "--save"),
        (["detect", str(folder), str(table_csv), "--normal", str(table_csv)], "--normal"),
        ([*rows, "--save", str(folder)], "in use"),
    ):
        assert run(bad) in {UsageError.exit_code, StoreError.exit_code}
        assert said in capsys.readouterr().err
