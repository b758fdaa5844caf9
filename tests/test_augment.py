"""Enlarged labelled sets: new rows between old ones, files that are read again, gains."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from variata import fit, load
from variata.cli.app import run
from variata.data import Examples
from variata.errors import DataError, UsageError
from variata.tasks.augment import Enlarged, between_neighbours, enlarged, gain
from variata.tasks.labelled_file import write_labelled
from variata.tasks.model import Model
from variata.tasks.show import in_own_units

FAST: dict[str, Any] = {"latent": 2, "hidden": (16,), "epochs": 3}


@pytest.fixture(scope="module")
def labelled(table: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "t.csv"
    kinds = np.where(table[:, 0] > 0, "high", "low")
    lines = [",".join([*map(str, row), kind]) for row, kind in zip(table, kinds, strict=True)]
    path.write_text("\n".join(["a,b,c,d,kind", *lines]) + "\n")
    return path


def test_new_latents_lie_between_near_rows_of_their_class() -> None:
    z = np.concatenate([np.arange(20.0)[:, None], 1_000 + np.arange(20.0)[:, None]])
    y, like = np.repeat([0, 1], 20), np.arange(40).repeat(50)
    made = between_neighbours(z, y, like, np.random.default_rng(0))
    away = np.abs(made - z[like])
    assert away.max() <= 5  # the fifth nearest, at an end
    assert away.max() > 3
    assert ((made > 500)[:, 0] == (y[like] == 1)).all()


def test_a_class_of_one_row_stays_where_it_is() -> None:
    z = np.array([[0.0], [5.0], [6.0]])
    made = between_neighbours(z, np.array([0, 1, 1]), np.array([0, 0]), np.random.default_rng(0))
    np.testing.assert_array_equal(made, 0)


def test_rows_are_kept_and_classes_stay_as_frequent(digits_run: Path) -> None:
    model = load(digits_run)
    rows = model.examples("digits")
    found = enlarged(model, rows, 1_000, seed=3)
    old = in_own_units(rows)
    np.testing.assert_array_equal(found.x[:1797], old)
    assert found.x.dtype == old.dtype
    assert set(np.unique(found.x)) <= set(range(17))
    counts = np.bincount(found.y[1797:], minlength=10)
    assert (np.abs(counts - 100) < 50).all()
    again = enlarged(model, rows, 1_000, seed=3)
    np.testing.assert_array_equal(found.x, again.x)
    assert (enlarged(model, rows, 1_000, seed=4).x != found.x).any()
    near = load(digits_run).encode(found.x[1797:])
    assert np.isfinite(near).all()


def test_a_conditional_model_makes_its_classes(labelled: Path) -> None:
    model = fit(labelled, label="kind", condition="label", **FAST | {"epochs": 30})
    found = enlarged(model, model.examples(labelled), 300)
    assert found.how == "conditional samples"
    high = found.y[-300:] == found.names.index("high")
    assert found.x[-300:, 0][high].mean() > found.x[-300:, 0][~high].mean() + 0.5
    other = fit(labelled, label="kind", condition="b", **FAST)
    with pytest.raises(UsageError, match="conditioned on .*b"):
        enlarged(other, other.examples(labelled))


def test_gains_are_those_of_the_rows(table_model: Model, table: np.ndarray) -> None:
    """Two rows tell little of a class; 300 true ones tell more."""
    y = (table[:, 0] > 0).astype(int)
    first = [int(np.flatnonzero(y == label)[0]) for label in (0, 1)]
    rows = np.r_[first, 2:300]
    found = Enlarged(table[rows], y[rows], 298, ("low", "high"), "")
    test = Examples.of(table[300:], table_model.schema, y[300:])
    told = gain(found, test, range(3))
    assert told["with"].mean > 0.9 > told["without"].mean
    assert gain(found, test, range(3)) == told


def test_files_are_read_again(labelled: Path, tmp_path: Path) -> None:
    model = fit(labelled, label="kind", **FAST)
    found = enlarged(model, model.examples(labelled), 50)
    for name, label in (("x.npz", None), ("x.csv", "label")):
        path = write_labelled(model.schema, found, tmp_path / name)
        again = fit(path, label=label, **FAST)
        assert again.saved.about["data"]["rows"] == [360, 45, 45]
        assert again.schema.label_names == ("high", "low")
    with np.load(tmp_path / "x.npz") as file:
        assert file["made"].sum() == 50
        np.testing.assert_array_equal(file["x"], found.x)
    with pytest.raises(UsageError, match=r".npz or .csv"):
        write_labelled(model.schema, found, tmp_path / "x.npy")
    with pytest.raises(UsageError, match="would be lost"):
        write_labelled(model.schema, found, tmp_path / "x.csv", [tmp_path / "x.csv"])
    plain = fit(model.sample(40), **FAST)
    with pytest.raises(DataError, match="--label"):
        enlarged(plain, plain.examples(model.sample(40)))


def test_command_line(digits_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "more.npz"
    asked = ["augment", str(digits_run), "--labels", "100", "-n", "200", "--seeds", "2"]
    assert run([*asked, "-o", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["rows"], told["made"]) == (300, 200)
    assert 0.5 < told["accuracy"]["without"]["mean"] < 1
    assert run([*asked[:-1], "0", "-o", str(out)]) == 0
    assert run([*asked, "-o", str(tmp_path / "more.csv")]) == 2


def test_rows_that_may_hold_the_test_rows_are_not_measured_on(digits_run: Path) -> None:
    assert run(["augment", str(digits_run), "digits"]) == 2
