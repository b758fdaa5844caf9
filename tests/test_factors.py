"""Factors of the rows, from the data to the evaluation of a model."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from variata import fit
from variata.cli.evaluate import rows_of
from variata.data import Examples, Factors, Source, catalog, infer_schema, open_source, split
from variata.errors import ShapeError
from variata.tasks import report
from variata.tasks.evaluate import evaluate
from variata.tasks.factors import disentangled, disentanglement_rows
from variata.tasks.model import Model
from variata.tasks.passes import Pass
from variata.tasks.rows import examples_of

NAMES = ("across", "along")
FIGURES = {
    "mig", "dci_disentanglement", "dci_completeness", "dci_informativeness", "sap", "factor_vae",
    "beta_vae", "modularity", "explicitness",
}  # fmt: skip


def source(rows: int = 300) -> Source:
    """Six columns, three of each of two factors."""
    points = np.stack(np.unravel_index(np.arange(rows) % 20, (4, 5)), axis=1)
    noise = 0.1 * np.random.default_rng(0).normal(size=(rows, 6))
    return Source("made", np.repeat(points, 3, axis=1) + noise, factors=Factors(NAMES, points))


@pytest.fixture(scope="module")
def model() -> Model:
    return fit(source(), latent=3, hidden=(32,), epochs=40)


def observed(means: torch.Tensor, scales: torch.Tensor | None) -> Pass:
    return Pass(means[:, 0], None, None, means, scales)


def examples(rows: int = 300) -> Examples:
    made = source(rows)
    return Examples.of(made.values, infer_schema(made.values), factors=made.factors)


def test_factors_stay_with_their_rows() -> None:
    whole = examples(60)
    assert whole.factors is not None
    for part in split(whole, seed=1):
        assert part.factors is not None
        near = np.rint(part.schema.decode(part.gather(torch.arange(len(part))).x)[:, [0, 3]])
        np.testing.assert_array_equal(part.factors.values, near)
        assert part.factors.names == NAMES
    parts = whole.subset(torch.arange(10, 30)).subset(torch.tensor([3, 1])).factors
    assert parts is not None
    np.testing.assert_array_equal(parts.values, whole.factors.values[[13, 11]])
    moved = whole.to("cpu").factors
    assert moved is not None
    assert len(moved) == 60


def test_factors_of_other_rows_are_refused() -> None:
    made, points = source(30), np.zeros((29, 2), dtype=np.int64)
    schema = infer_schema(made.values)
    with pytest.raises(ShapeError, match="factors of 30 rows, got 29"):
        Examples.of(made.values, schema, factors=Factors(NAMES, points))
    with pytest.raises(ShapeError, match="across, along"):
        Factors(NAMES, points[:, :1])


def test_sprites_know_their_factors() -> None:
    found = open_source("sprites")
    assert found.factors is not None
    assert found.labels is not None
    assert found.factors.names == ("shape", "scale", "rotation", "x", "y")
    some = found.factors.values[::5_000]
    np.testing.assert_array_equal(catalog.render_sprites(some), found.values[::5_000])
    np.testing.assert_array_equal(found.labels, found.factors.values[:, 0])


def test_rows_read_for_a_model_keep_their_factors() -> None:
    made = source(40)
    known = examples_of(made, infer_schema(made.values)).factors
    assert known is not None
    np.testing.assert_array_equal(known.values, made.factors and made.factors.values)


def test_codes_that_are_the_factors_are_found() -> None:
    test = examples()
    assert test.factors is not None
    means = torch.cat([torch.as_tensor(test.factors.values) * 1.0, torch.zeros(300, 2)], 1)
    told = disentangled(observed(means, torch.ones_like(means)), test)
    assert told is not None
    assert told["codes"] == 2  # of four; two do not move
    assert told["factors"] == list(NAMES)
    assert (told["mig"], told["factor_vae"]) == (pytest.approx(1), 1)
    without_noise = disentangled(observed(means, None), test)
    assert without_noise is not None
    assert without_noise["codes"] == 4


def test_what_cannot_be_measured_is_noted() -> None:
    still, few = torch.zeros(300, 2), examples(12)
    assert disentangled(observed(still, still), replace(examples(), factors=None)) is None
    told = disentangled(observed(still, still + 1), examples())
    assert told == {"note": "not measured: no latent dimension moves with the data"}
    told = disentangled(observed(torch.randn(12, 2), None), few)
    assert told is not None
    assert "at least 20 examples, got 12" in told["note"]
    assert disentanglement_rows(told) == [("disentanglement", told["note"])]
    assert disentanglement_rows(None) == []


def test_an_evaluation_measures_disentanglement(model: Model) -> None:
    found = evaluate(model, source(), k=2, samples=False)
    figures = found.figures["disentanglement"]
    assert set(figures) >= FIGURES
    assert json.loads(json.dumps(figures)) == figures
    assert figures["rows"] == 300
    assert figures["dci_informativeness"] > figures["dci_chance"] + 0.3
    shown = dict(rows_of(found.figures))
    assert shown["disentanglement"].endswith("2 factors: across, along")
    assert shown["  MIG"] == f"{figures['mig']:.3f}"
    assert shown["  FactorVAE score"].endswith("(chance 0.50)")
    assert {row[0] for row in report._details(found.figures).table} >= {"  MIG", "  explicitness"}


def test_an_evaluation_without_factors_has_none(model: Model) -> None:
    found = evaluate(model, source().values, k=2, samples=False)
    assert found.figures["disentanglement"] is None
    assert "disentanglement" not in dict(rows_of(found.figures))
