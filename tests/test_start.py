"""Training starts as probabilistic PCA where networks have linear paths."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from variata import recipes
from variata.batch import Batch
from variata.errors import UsageError
from variata.models import LatentModel, start
from variata.models.start import fit_ppca
from variata.objectives import ImportanceBound
from variata.schedules import Moment
from variata.training.randomness import forked

ROWS, ELEMENTS, CAUSES = 2_000, 150, 6
NOISE = 0.2


@pytest.fixture(scope="module")
def rows() -> Tensor:
    """Six causes of falling strength in 150 standardised elements, and noise."""
    random = torch.Generator().manual_seed(0)
    loadings = torch.randn(CAUSES, ELEMENTS, generator=random)
    loadings *= torch.linspace(1, 0.5, CAUSES)[:, None]
    causes = torch.randn(ROWS, CAUSES, generator=random)
    x = causes @ loadings + NOISE * torch.randn(ROWS, ELEMENTS, generator=random) + 3
    return x / x.std(0)


def started(x: Tensor, latent: int = CAUSES, likelihood: str = "gaussian") -> LatentModel:
    with forked("cpu", 0):
        made = recipes.vae(shape=x.shape[1:], likelihood=likelihood, latent=latent, hidden=(32,))
        start(made.model, x)
    return made.model


def likelihood_of_ppca(x: Tensor, latent: int) -> float:
    """Mean log-likelihood of the maximum-likelihood solution, by its closed form, in nats."""
    values = torch.linalg.eigvalsh(torch.cov(x.T.double(), correction=0)).flip(0)
    noise = values[latent:].mean()
    logdet = values[:latent].log().sum() + (len(values) - latent) * noise.log()
    return float(-0.5 * (len(values) * math.log(2 * math.pi) + logdet + len(values)))


def test_ppca_has_the_closed_form(rows: Tensor) -> None:
    with forked("cpu", 0):
        pca = fit_ppca(rows, CAUSES)
    values, vectors = torch.linalg.eigh(torch.cov(rows.T, correction=0))
    noise = values[:-CAUSES].mean()
    exact = vectors[:, -CAUSES:] * (values[-CAUSES:] - noise).sqrt()
    assert torch.allclose(pca.loadings @ pca.loadings.T, exact @ exact.T, atol=2e-3)
    precision = pca.loadings.T @ pca.loadings / noise + torch.eye(CAUSES)
    assert torch.allclose(pca.scale, precision.inverse().diagonal().sqrt(), rtol=0.02)
    encoding = precision.inverse() @ pca.loadings.T / noise
    assert torch.allclose(pca.encoding, encoding, atol=2e-3)


def test_an_untrained_model_is_at_least_nearly_as_likely_as_ppca(rows: Tensor) -> None:
    model, batch = started(rows), Batch(rows, rows)
    with torch.inference_mode(), forked("cpu", 1):
        trace = model.observe(batch, 50)
        bound = -float(ImportanceBound()(model, trace, Moment(0, 0.0)).mean())
    exact = likelihood_of_ppca(rows, CAUSES)
    alone = likelihood_of_ppca(rows, 0)
    assert bound > exact - 0.05 * (
        exact - alone
    )  # and above, since every element has its own noise


def test_more_latents_than_directions_start_at_the_prior(rows: Tensor) -> None:
    few = rows[:5]
    model = started(few, latent=12)
    with torch.inference_mode(), forked("cpu", 1):
        trace = model.observe(Batch(few, few), 1)
        assert torch.isfinite(trace.rate()).all()
        assert float(trace.stages[0].rate_each()[..., 4:].mean()) < 0.05


@pytest.mark.parametrize("x", [torch.zeros(20, 130), torch.ones(1, 130)])
def test_constant_data_and_a_single_row_start_finite(x: Tensor) -> None:
    model = started(x, latent=3)
    with torch.inference_mode():
        assert torch.isfinite(model.observe(Batch(x, x)).distortion()).all()


def test_the_path_is_there_for_wide_real_or_grey_data_only() -> None:
    def linear(**arguments: object) -> bool:
        return recipes.vae(**arguments).arguments["linear"]  # type: ignore[index]

    assert linear(shape=(1, 28, 28), likelihood="logistic", levels=256)
    assert not linear(shape=(12,))
    assert not linear(shape=(1, 28, 28), likelihood="bernoulli")
    assert not linear(shape=(200,), decoder=torch.nn.Linear(40, 200))
    assert linear(shape=(12,), linear=True)


def test_a_path_without_locations_is_refused() -> None:
    with pytest.raises(UsageError, match="linear"):
        recipes.vae(shape=(200,), likelihood="bernoulli", linear=True)


def test_a_path_beside_modules_of_ones_own_is_refused() -> None:
    with pytest.raises(UsageError, match="of your own"):
        recipes.vae(shape=(200,), latent=4, decoder=torch.nn.Linear(4, 200), linear=True)
