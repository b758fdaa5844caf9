"""Recipes that shape the aggregate posterior: rows that meet in a batch, of whatever size."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from rows import Rows
from variata import recipes
from variata.batch import Batch
from variata.errors import NoDensityError, UsageError
from variata.recipes import Composition
from variata.schedules import Moment
from variata.training import Settings, fit
from variata.training.machine import How
from variata.training.work import Work

NAMES = ("aae", "beta_tc_vae", "dip_vae", "factor_vae", "info_vae", "wae_gan", "wae_mmd")
END = Moment(step=1000, progress=1.0)


def made(name: str, **arguments: Any) -> Composition:
    torch.manual_seed(0)
    return recipes.build(name, **{"shape": (5,), "latent": 2, "hidden": (8,)} | arguments)


def rows(n: int) -> Rows:
    return Rows(torch.randn(n, 5, generator=torch.Generator().manual_seed(0)))


def work(composition: Composition) -> Work:
    objective = composition.phases[0].objective
    players = [composition.model, *objective.players.values()]
    return Work(composition.model, objective, [list(p.parameters()) for p in players], How())


@pytest.mark.parametrize("name", NAMES)
def test_a_last_batch_of_one_is_learnt_from_like_any_other(name: str) -> None:
    composition, x = made(name), rows(33)
    history = fit(composition.model, composition.phases, x, x, Settings(epochs=3, batch_size=16))
    assert history.skipped == 0
    assert all(math.isfinite(report.criterion) for report in history.reports)
    assert all(parameter.isfinite().all() for parameter in composition.model.parameters())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("most", [0, 1, 4])
def test_pieces_of_a_batch_have_finite_losses_and_gradients(name: str, most: int) -> None:
    composition = made(name)
    batch = rows(1 if most == 0 else 9).gather(torch.arange(1 if most == 0 else 9))
    result = work(composition)(batch, END, most=most, restart=lambda: None)
    assert result.figures.isfinite().all()
    assert all(g.isfinite().all() for gradient in result.gradients for g in gradient)


@pytest.mark.parametrize("name", NAMES)
def test_the_loss_does_not_grow_with_the_batch(name: str) -> None:
    """Means over the same rows; the noise of draws from the prior sets the tolerance."""
    composition, means = made(name), []
    objective = composition.phases[0].objective
    for size in (100, 500):
        x = rows(5000)
        torch.manual_seed(1)
        batches = [x.gather(index) for index in torch.arange(5000).split(size)]
        losses = [
            objective(composition.model, composition.model.observe(batch), END).total.detach()
            for batch in batches
        ]
        means.append(float(torch.stack(losses).mean()))
    assert means[1] == pytest.approx(means[0], rel=0.1)


@pytest.mark.parametrize("name", ["wae_mmd", "wae_gan", "aae"])
def test_points_have_no_rate_and_gaussians_one(name: str) -> None:
    x = rows(4).x
    with pytest.raises(NoDensityError, match="no density and so no rate"):
        made(name).model.observe(Batch(x, x)).rate()
    wide = made(name, posterior="gaussian")
    trace = wide.model.observe(Batch(x, x), k=3)
    assert trace.rate().shape == (3, 4)
    assert wide.phases[0].objective(wide.model, trace, END).total.isfinite()


@pytest.mark.parametrize(("alpha", "weight"), [(0.0, 0.5), (1.0, 0.0), (-3.0, 3.9), (0.99, 0.0)])
def test_info_vae_never_drives_latents_from_the_prior(alpha: float, weight: float) -> None:
    if alpha + weight - 1 < 0:
        with pytest.raises(UsageError, match="Use a lambda_prior of"):
            made("info_vae", alpha=alpha, lambda_prior=weight)
    else:
        made("info_vae", alpha=alpha, lambda_prior=weight)
    default = made("info_vae").phases[0].objective.weights(END)
    assert default["mmd"] > 0
    assert default["rate"] > 0


def test_info_vae_weighs_rate_and_mmd_as_in_the_paper() -> None:
    objective = (
        made("info_vae", alpha=0.25, lambda_prior=8.0, warm_up_share=0.5).phases[0].objective
    )
    assert objective.weights(END) == {"distortion": 1.0, "rate": 0.75, "mmd": 7.25}
    half = objective.weights(Moment(step=1, progress=0.25))
    assert half == {"distortion": 1.0, "rate": 0.375, "mmd": 3.625}


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("beta_tc_vae", {"beta": -1}),
        ("beta_tc_vae", {"rows": 0}),
        ("factor_vae", {"critic_width": 0}),
        ("dip_vae", {"kind": "iii"}),
        ("info_vae", {"alpha": 1.5}),
        ("wae_mmd", {"kernel": "linear"}),
        ("aae", {"posterior": "point"}),
    ],
)
def test_settings_that_make_no_sense_are_refused(name: str, argument: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"does not suit {name}"):
        made(name, **argument)


@pytest.mark.parametrize("name", ["dip_vae", "wae_mmd", "info_vae"])
def test_training_brings_the_aggregate_nearer_to_the_prior(name: str) -> None:
    """Codes start narrow: their variances end nearer to 1, and their covariances to 0."""
    composition, x = made(name), rows(512)
    x.x[:, 1] = x.x[:, 0]
    before = _off_the_prior(composition, x)
    fit(composition.model, composition.phases, x, x, Settings(epochs=15, batch_size=64, lr=1e-2))
    assert _off_the_prior(composition, x) < 0.3 * before


def _off_the_prior(composition: Composition, x: Rows) -> float:
    with torch.no_grad():
        z = composition.model.observe(x.gather(torch.arange(len(x)))).stages[0].z[0]
    return float((torch.cov(z.T) - torch.eye(2)).square().sum() + z.mean(0).square().sum())
