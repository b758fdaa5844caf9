"""Priors fitted to a trained model: what changes, what does not, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from test_recipes import OWN
from test_recipes import SMALL as SIZES
from variata import fit, load, recipes
from variata.cli.app import run
from variata.cli.evaluate import rows_of
from variata.conditionals import FlowPrior, FullMixturePrior, GaussianPosterior
from variata.data import infer_schema
from variata.errors import DataError, StoreError, UsageError
from variata.models import Level
from variata.recipes.fitted_mixture import fit_mixture
from variata.recipes.refit import EX_POST, give_prior, levels_of, prior_call
from variata.store import Saved
from variata.tasks import refit as refits
from variata.tasks.evaluate import evaluate
from variata.tasks.latents import can_sample, prior_said
from variata.tasks.model import Model
from variata.tasks.refit import refit_prior

SMALL: dict[str, dict[str, Any]] = {
    "gmm": {"components": 4},
    "flow": {"couplings": 2, "width": 16},
    "diffusion": {"width": 32, "layers": 1, "steps": 8},
}
every = pytest.mark.parametrize("name", SMALL)


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refits, "DRAWS", 4_000)


@pytest.fixture(scope="module")
def autoencoder(table: np.ndarray) -> Model:
    return fit(table, recipe="ae", latent=2, hidden=(32,), epochs=30)


def test_every_prior_is_tested() -> None:
    assert set(SMALL) == set(EX_POST)


@every
def test_the_prior_gains_and_everything_else_stays(
    name: str, autoencoder: Model, table: np.ndarray
) -> None:
    before = {key: value.clone() for key, value in autoencoder.module.state_dict().items()}
    found = refit_prior(autoencoder, name, data=table, **SMALL[name])
    assert found.after > found.before
    assert found.rows == 360
    after = found.model.module.state_dict()
    assert all(
        torch.equal(value, autoencoder.module.state_dict()[k]) for k, value in before.items()
    )
    assert all(torch.equal(value, after[key]) for key, value in before.items())
    np.testing.assert_array_equal(autoencoder.encode(table), found.model.encode(table))
    np.testing.assert_array_equal(autoencoder.reconstruct(table), found.model.reconstruct(table))


@every
def test_samples_of_an_autoencoder_come_to_look_like_the_data(
    name: str, autoencoder: Model, table: np.ndarray
) -> None:
    """Standard deviations of columns, of which the worst is off by more than a fifth, or less."""
    found = refit_prior(autoencoder, name, data=table, **SMALL[name])
    wanted = autoencoder.reconstruct(table).std(0)
    off = [
        np.abs(m.sample(2_000, mean=True).std(0) / wanted - 1).max()
        for m in (autoencoder, found.model)
    ]
    assert off[1] < 0.2 < off[0]


@every
def test_saves_loads_and_says_so(
    name: str, autoencoder: Model, table: np.ndarray, tmp_path: Path
) -> None:
    model = refit_prior(autoencoder, name, data=table, **SMALL[name]).model
    model.save(tmp_path / "run")
    again = load(tmp_path / "run")
    assert again.saved.prior == prior_call(name, SMALL[name])
    assert name in prior_said(again)
    assert can_sample(again.module)
    assert not can_sample(autoencoder.module)
    np.testing.assert_array_equal(model.sample(5), again.sample(5))


def test_the_bound_of_a_vae_tightens_by_what_the_prior_gains(
    table_model: Model, table: np.ndarray
) -> None:
    found = refit_prior(table_model, "gmm", data=table, components=5)
    before, after = (evaluate(m, table, k=4).figures for m in (table_model, found.model))
    gain = before["rate"]["mean"] - after["rate"]["mean"]
    assert gain == pytest.approx(found.after - found.before, abs=0.15)
    assert after["elbo"]["mean"] - before["elbo"]["mean"] == pytest.approx(gain, abs=0.1)


def test_a_mixture_is_the_one_that_was_fitted() -> None:
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(3_000, 2, generator=generator) @ torch.tensor([[2.0, 0.5], [0.0, 0.3]]) + 3
    prior = FullMixturePrior(2, 1)
    fit_mixture(prior, z, "full", 1e-6, seed=0)
    torch.testing.assert_close(prior.means[0], z.mean(0), rtol=1e-4, atol=1e-4)
    covariance = prior.factors[0] @ prior.factors[0].T
    torch.testing.assert_close(covariance, z.T.cov(correction=0), rtol=1e-3, atol=1e-3)
    assert float(prior.log_weights[0]) == 0


def test_a_flow_standardises_latents_of_any_scale() -> None:
    prior = FlowPrior(2, 2, 8, rescaled=True)
    z = torch.randn(5_000, 2, generator=torch.Generator().manual_seed(0)) * 500 + 1_000
    prior.standardise(z)
    with torch.no_grad():
        density = float(prior(None).log_prob(z).mean())
    best = -2 * (math.log(500) + 0.5 * math.log(2 * math.pi) + 0.5)
    assert density == pytest.approx(best, abs=0.3)


@pytest.mark.parametrize(
    ("prior", "arguments", "match"),
    [
        ("gm", {}, "Did you mean 'gmm'"),
        ("gmm", {"couplings": 3}, "takes no 'couplings'.*components"),
        ("gmm", {"components": 0}, "components=0"),
        ("flow", {"width": "wide"}, "width='wide'"),
    ],
)
def test_wrong_priors_are_refused(
    autoencoder: Model, table: np.ndarray, prior: str, arguments: dict[str, Any], match: str
) -> None:
    with pytest.raises(UsageError, match=match):
        refit_prior(autoencoder, prior, data=table, **arguments)


def test_an_estimated_density_is_called_one_wherever_it_shows(
    table_model: Model, table: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "x.npy", table)
    for name, estimated in (("gmm", False), ("diffusion", True)):
        found = refit_prior(table_model, name, data=table, **SMALL[name])
        assert found.estimated is estimated
        assert ("an estimate" in prior_said(found.model)) is estimated
        figures = evaluate(found.model, table, k=2, samples=False).figures
        assert figures["prior_density"] == ("estimated" if estimated else "exact")
        labels = [label for label, _ in rows_of(figures)]
        wanted = ["ELBO, estimated", "NLL, estimated"] if estimated else ["ELBO", "NLL, at most"]
        assert set(wanted) <= set(labels)
        found.model.save(tmp_path / name)
        scores = ["score", str(tmp_path / name), str(tmp_path / "x.npy"), "--k", "2"]
        assert run([*scores, "--out", str(tmp_path / f"{name}-scores.npy")]) == 0
        assert ("estimates, no bounds" in capsys.readouterr().err) is estimated
    again = refit_prior(found.model, "gmm", data=table, components=2)
    assert again.estimated  # as its `before` is


STACKED: dict[str, dict[str, Any]] = {
    "deep_vae": {"latent": 2, "depth": 3, "width": 4},
    "joint_vae": {"latent": 3, "classes": 4},
    "ladder_vae": {"latent": 3, "steps": 2, "width": 16},
    "m2": {"latent": 3},
    "m1_m2": {"latent": 3, "style": 2},
}


def off_by_two(level: Level) -> int:
    """Move the means of a level's posterior away from its prior; its width."""
    posterior: Any = level.posterior
    [head] = [m for m in posterior.modules() if isinstance(m, GaussianPosterior)]
    width = head.linear.out_features // 2
    with torch.no_grad():
        head.linear.bias[:width] += 2
    return width


@pytest.mark.parametrize("recipe", STACKED)
def test_of_several_levels_the_prior_of_the_highest_real_one_is_fitted(
    recipe: str, tmp_path: Path
) -> None:
    model = fit("digits", recipe=recipe, hidden=(32,), channels=4, epochs=1, **STACKED[recipe])
    place = 0 if recipe in ("ladder_vae", "deep_vae") else 1  # on top, or below the class
    width = off_by_two(levels_of(model.module)[place])
    before = {key: value.clone() for key, value in model.module.state_dict().items()}
    found = refit_prior(model, "gmm", components=3)
    assert found.after > found.before + width
    priors = [type(level.prior).__name__ for level in levels_of(found.model.module)]
    assert [i for i, name in enumerate(priors) if name == "FullMixturePrior"] == [place]
    after = found.model.module.state_dict()
    assert all(torch.equal(value, after[key]) for key, value in before.items())
    rates = [evaluate(m, k=2, samples=False).figures["rate"]["mean"] for m in (model, found.model)]
    assert rates[1] < rates[0] - width
    found.model.save(tmp_path / "run")
    np.testing.assert_array_equal(load(tmp_path / "run").sample(4), found.model.sample(4))


WITHOUT = {  # latents that an encoder gives, or a prior that could be another
    "autoregressive", "diffusion", "flow", "gan", "independent", "kernel_density", "pca_gaussian",
    "spherical_vae",
}  # fmt: skip


@pytest.mark.parametrize("recipe", [name for name in recipes.names() if name not in STACKED])
def test_any_model_has_a_prior_fitted_or_refuses(recipe: str, tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(40, 8, 8))
    facts: dict[str, Any] = {"shape": (1, 8, 8), "likelihood": "gaussian"}
    made = recipes.build(recipe, **facts | SIZES | OWN.get(recipe, {}))
    model = Model(Saved(made.model, recipe, made.arguments or {}, infer_schema(rows)))
    if recipe in WITHOUT:
        with pytest.raises(UsageError):
            refit_prior(model, data=rows)
    else:
        found = refit_prior(model, data=rows)
        assert math.isfinite(found.after)
        assert found.model.sample(2).shape == (2, 8, 8)
        found.model.save(tmp_path / "run")
        np.testing.assert_array_equal(load(tmp_path / "run").sample(2), found.model.sample(2))


def test_what_has_no_encoder_has_no_prior_fitted(table: np.ndarray) -> None:
    model = fit(table, recipe="pca_gaussian")
    with pytest.raises(UsageError):
        refit_prior(model, "gmm", data=table)
    with pytest.raises(UsageError, match="this model has none"):
        give_prior(model.module, prior_call("gmm", {}))


def test_too_few_rows_and_absent_data_are_refused(autoencoder: Model, table: np.ndarray) -> None:
    with pytest.raises(DataError, match="20 rows"):
        refit_prior(autoencoder, data=table[:10])
    with pytest.raises(DataError, match="name the data"):
        refit_prior(autoencoder)


def test_the_verb_writes_a_run_of_its_own(
    digits_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "refitted"
    assert run(["refit-prior", str(digits_run), "--components", "3", "--out", str(out)]) == 0
    assert "nats before" in capsys.readouterr().err
    assert run(["sample", str(out), "-n", "4", "--out", str(tmp_path / "s.png")]) == 0
    assert "gmm: 3 components" in capsys.readouterr().err
    assert run(["refit-prior", str(digits_run), "--out", str(out)]) != 0
    with pytest.raises(StoreError, match="in use"):
        load(out).save(out)
