"""Attribute arithmetic: differences of mean latents, exact on a linear model made by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from variata import fit, recipes
from variata.cli.app import run
from variata.cli.edit import parsed_amounts
from variata.data import Examples, infer_schema
from variata.errors import DataError, UsageError
from variata.store import Saved
from variata.tasks.edit import attribute_shift
from variata.tasks.model import Model

NAMES = ("plain", "smile", "hat")


@pytest.fixture(scope="module")
def values() -> np.ndarray:
    return np.random.default_rng(0).normal([1.0, -2.0, 5.0], [1.0, 3.0, 0.1], (60, 3))


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    return np.random.default_rng(1).integers(-1, 3, 60)


@pytest.fixture(scope="module")
def linear(values: np.ndarray) -> Model:
    """z is x turned round, and decoded back, in standardised units."""
    turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(0))).Q
    encoder, decoder = nn.Linear(3, 3), nn.Linear(3, 3)
    made = recipes.vae(shape=(3,), latent=3, encoder=encoder, decoder=decoder)
    head: nn.Linear = made.model.levels[0].posterior.linear  # type: ignore[union-attr,assignment]
    with torch.no_grad():
        encoder.weight.copy_(turn)
        decoder.weight.copy_(turn.T)
        head.weight.copy_(torch.cat([torch.eye(3), torch.zeros(3, 3)]))
        for layer in (encoder, decoder, head):
            layer.bias.zero_()
    schema = infer_schema(values, label_names=NAMES)
    return Model(Saved(made.model, "vae", made.arguments or {}, schema))


@pytest.fixture(scope="module")
def rows(linear: Model, values: np.ndarray, labels: np.ndarray) -> Examples:
    return Examples.of(values, linear.schema, labels)


def difference(values: np.ndarray, labels: np.ndarray, name: str) -> np.ndarray:
    having = labels == NAMES.index(name)
    return values[having].mean(0) - values[~having & (labels >= 0)].mean(0)


@pytest.mark.parametrize("add", [{"smile": 1.0}, {"smile": -0.5}, {"smile": 1.0, "hat": -2.0}])
def test_rows_move_by_the_difference_of_means(
    linear: Model, rows: Examples, values: np.ndarray, labels: np.ndarray, add: dict[str, float]
) -> None:
    moved = sum(amount * difference(values, labels, name) for name, amount in add.items())
    found = linear.edit(rows, add)
    np.testing.assert_allclose(found, values + moved, atol=1e-4)
    plain = linear.edit(values, add, groups=rows)
    np.testing.assert_array_equal(plain, found)


def test_nothing_added_is_reconstruction(linear: Model, rows: Examples) -> None:
    np.testing.assert_array_equal(linear.edit(rows, {"hat": 0.0}), linear.reconstruct(rows))


def test_levels_move_together(values: np.ndarray, labels: np.ndarray) -> None:
    model = fit(values, "ladder_vae", latent=4, steps=2, width=8, hidden=(8,), epochs=1)
    rows = Examples.of(values, model.schema, labels)
    z, shift = model.encode(rows), attribute_shift(model, rows, {"1": 1.0})
    without = (labels != 1) & (labels >= 0)
    np.testing.assert_allclose(shift, z[labels == 1].mean(0) - z[without].mean(0), atol=1e-5)
    np.testing.assert_allclose(model.edit(rows, {"1": 1.0}), model.decode(z + shift), atol=1e-4)


def test_what_is_unknown_is_named(linear: Model, rows: Examples, values: np.ndarray) -> None:
    with pytest.raises(UsageError, match=r"'smlie'. Did you mean 'smile'\? Known: plain, smile"):
        attribute_shift(linear, rows, {"smlie": 1.0})
    with pytest.raises(DataError, match="with --label"):
        linear.edit(values, {"smile": 1.0})
    with pytest.raises(DataError, match="All of the labelled rows are 'hat'"):
        attribute_shift(linear, Examples.of(values, linear.schema, np.full(60, 2)), {"hat": 1.0})
    with pytest.raises(DataError, match="None of the labelled rows are 'smile'"):
        attribute_shift(linear, Examples.of(values, linear.schema, np.full(60, 2)), {"smile": 1.0})
    for wrong in (["smile"], ["=1"], ["smile=many"]):
        with pytest.raises(UsageError, match="CLASS=AMOUNT"):
            parsed_amounts(wrong)


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = tmp_path / "run", tmp_path / "x.npy"
    fit("digits", latent=2, hidden=(8,), epochs=1, out=folder)
    asked = ["edit", str(folder), "--add", "7=+1", "--add", "3=-1", "--json"]
    assert run([*asked, "-o", str(out)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["shift"]) == 2
    assert np.load(out).shape[1:] == (8, 8)
    shown = ["digits", "--groups", "digits", "-n", "4", "-o", str(tmp_path / "x.png")]
    assert run([*asked, *shown]) == 0
    assert run(["edit", str(folder), "--add", "seven=1"]) == 2
    assert "Known: 0, 1, 2" in capsys.readouterr().err
    assert run(["edit", str(folder)]) == 2
