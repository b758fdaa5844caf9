"""Models whose latents are codes, in use: every verb, fitted priors, bounds, resuming."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from variata import fit, load
from variata.cli.app import run
from variata.errors import InterruptError, UsageError
from variata.tasks import prior_fits
from variata.tasks.diagnose import diagnose
from variata.tasks.evaluate import evaluate
from variata.tasks.model import Model
from variata.tasks.refit import refit_prior

SMALL: dict[str, dict[str, Any]] = {
    "vq_vae": {"codes": 16, "width": 2, "latent": 4, "prior": "uniform"},
    "rvq_vae": {"codes": 8, "width": 2, "latent": 4, "depth": 2, "prior": "uniform"},
    "fsq_vae": {"scalar_levels": 3, "width": 2, "latent": 4, "prior": "uniform"},
    "gumbel_vae": {"classes": 4, "latent": 12},
    "joint_vae": {"classes": 3, "variables": 2, "latent": 2, "gamma": 1.0, "nats": 4.0},
}
every = pytest.mark.parametrize("name", SMALL)


@pytest.fixture(autouse=True)
def _few_sequences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prior_fits, "SEQUENCES", 60_000)


@pytest.fixture(scope="module")
def models(table: np.ndarray) -> dict[str, Model]:
    short = {"hidden": (32,), "epochs": 15, "lr": 5e-3, "threads": 1}
    return {name: fit(table, recipe=name, **short, **own) for name, own in SMALL.items()}


@every
def test_every_verb_works(name: str, models: dict[str, Model], table: np.ndarray) -> None:
    model = models[name]
    z = model.encode(table)
    assert z.shape == (400, model.latent)
    np.testing.assert_allclose(model.decode(z), model.reconstruct(table), rtol=1e-4, atol=1e-4)
    assert model.sample(5).shape == (5, 4)
    assert model.interpolate(table[0], table[1], 3).shape == (3, 4)
    assert model.traverse(z[0], 0, [0.0, 1.0]).shape == (2, 4)
    scores = model.score(table, k=4)
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(model.score(table[7:9], k=4), scores[7:9], rtol=1e-4, atol=1e-3)


@every
def test_saves_loads_evaluates_and_is_diagnosed(
    name: str, models: dict[str, Model], table: np.ndarray, tmp_path: Path
) -> None:
    model = models[name]
    model.save(tmp_path / "run")
    again = load(tmp_path / "run")
    np.testing.assert_array_equal(model.sample(5), again.sample(5))
    np.testing.assert_array_equal(model.encode(table), again.encode(table))
    evaluation = evaluate(again, table, k=3, samples=False)
    figures = evaluation.figures
    assert figures["elbo"]["mean"] <= -figures["nll"]["mean"] + 0.1
    assert all(0 < level["used"] <= 1 for level in figures["codes"])
    assert all(f.command for f in diagnose(again, evaluation))


@pytest.mark.parametrize("name", ["vq_vae", "rvq_vae", "fsq_vae"])
def test_a_code_costs_the_logarithm_of_its_probability(
    name: str, models: dict[str, Model], table: np.ndarray
) -> None:
    figures = evaluate(models[name], table, k=7, samples=False).figures
    size, count = figures["codes"][0]["size"], sum(v["positions"] for v in figures["codes"])
    assert figures["rate"]["mean"] == pytest.approx(count * math.log(size), rel=1e-5)
    assert figures["nll"]["k"] == 1
    assert figures["elbo"]["mean"] == pytest.approx(-figures["nll"]["mean"], rel=1e-5)


@every
def test_a_fitted_prior_gains_and_the_bound_tightens_by_it(
    name: str, models: dict[str, Model], table: np.ndarray, tmp_path: Path
) -> None:
    model = models[name]
    found = refit_prior(model, "autoregressive", data=table, width=16, layers=1)
    assert found.after > found.before
    np.testing.assert_array_equal(model.encode(table), found.model.encode(table))
    judging = table[torch.randperm(400, generator=torch.Generator().manual_seed(0))[:40].numpy()]
    before, after = (evaluate(m, judging, k=2, samples=False).figures for m in (model, found.model))
    gain = after["elbo"]["mean"] - before["elbo"]["mean"]
    apart = 0.4 if name in ("gumbel_vae", "joint_vae") else 1e-3  # other draws of their codes
    assert gain == pytest.approx(found.after - found.before, abs=apart)
    found.model.save(tmp_path / "run")
    again = load(tmp_path / "run")
    np.testing.assert_array_equal(found.model.sample(5), again.sample(5))
    assert again.saved.prior == {
        "name": "autoregressive",
        "arguments": {"width": 16, "layers": 1},
    }


def test_priors_that_make_no_sense_are_refused(
    models: dict[str, Model], table_model: Model, table: np.ndarray
) -> None:
    with pytest.raises(UsageError, match="are codes.*autoregressive"):
        refit_prior(models["vq_vae"], "gmm", data=table)
    with pytest.raises(UsageError, match="are real.*gmm, flow"):
        refit_prior(table_model, "autoregressive", data=table)
    with pytest.raises(UsageError, match="layers=0"):
        refit_prior(models["vq_vae"], data=table, layers=0)


def test_a_training_with_a_codebook_resumes_bit_for_bit(table_csv: Path, tmp_path: Path) -> None:
    from targets import Stop
    from variata.tasks.train import resume

    own: dict[str, Any] = {"codes": 16, "width": 2, "latent": 4, "hidden": (16,), "threads": 1}
    own |= {"epochs": 12, "batch_size": 40, "recipe": "vq_vae"}
    whole = fit(table_csv, out=tmp_path / "whole", **own)
    with pytest.raises(InterruptError):
        fit(table_csv, out=tmp_path / "parts", callbacks=[Stop(55)], **own)
    again = resume(tmp_path / "parts")
    state = again.module.state_dict()
    for name, value in whole.module.state_dict().items():
        assert torch.equal(value, state[name]), name


def test_the_verbs_of_the_command_line(table_csv: Path, tmp_path: Path) -> None:
    folder, new = str(tmp_path / "run"), str(tmp_path / "new")
    short = ["--hidden", "16", "--epochs", "2", "--codes", "8", "--prior", "uniform"]
    assert run(["train", str(table_csv), "--recipe", "vq_vae", "--out", folder, *short]) == 0
    assert run(["refit-prior", folder, "--layers", "1", "--width", "8", "--out", new]) == 0
    for verb in ("evaluate", "doctor"):
        assert run([verb, new]) == 0
    for verb in ("sample", "reconstruct", "interpolate", "traverse", "map"):
        assert run([verb, new, "--out", str(tmp_path / f"{verb}.png")]) == 0


def test_idle_codes_are_noticed(table: np.ndarray) -> None:
    model = fit(table, recipe="vq_vae", codes=16, width=2, latent=4, hidden=(8,), epochs=1)
    evaluation = evaluate(model, table, samples=False)
    assert "unused-codes" not in {f.name for f in diagnose(model, evaluation)}
    evaluation.figures["codes"] = [{"size": 16, "positions": 2, "used": 0.25, "perplexity": 3.0}]
    (found,) = [f for f in diagnose(model, evaluation) if f.name == "unused-codes"]
    assert "25%" in found.evidence
    assert "--codes 8" in found.command
    assert found.severity == "note"
