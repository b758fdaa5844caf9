"""The objective is right: against exact likelihoods, bounds and identities."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import Tensor, nn

from variata import recipes
from variata.batch import Batch
from variata.conditionals import Decoder, DiracPosterior, StandardNormal
from variata.conditionals.likelihood import GaussianHead
from variata.distributions import Gaussian
from variata.errors import NoDensityError
from variata.models import LatentModel, Level
from variata.objectives import Distortion, ImportanceBound, Objective, Rate
from variata.schedules import Moment, constant, warm_up
from variata.training import learn

D, Z, NOISE = 5, 2, 0.4


class ExactPosterior(nn.Module):
    """p(z | x) of probabilistic PCA with orthogonal loadings: N(M^-1 W'x, noise^2 M^-1)."""

    def __init__(self, loadings: Tensor) -> None:
        super().__init__()
        precision = (loadings**2).sum(0) + NOISE**2
        self.project = loadings / precision
        self.scale = NOISE / precision.sqrt()

    def forward(self, h: Tensor | None, features: Tensor) -> Gaussian:
        mean = features @ self.project
        return Gaussian(mean, self.scale.expand_as(mean), 1)


class Linear(nn.Module):
    def __init__(self, loadings: Tensor) -> None:
        super().__init__()
        self.loadings = loadings

    def forward(self, z: Tensor) -> Tensor:
        return (z @ self.loadings.T)[:, None]


def ppca() -> tuple[LatentModel, Tensor]:
    loadings = torch.linalg.qr(torch.randn(D, Z, dtype=torch.float64)).Q * torch.tensor([2.0, 0.7])
    head = GaussianHead((), 0.0).double()
    with torch.no_grad():
        head.raw_scale.fill_(math.log(NOISE) / 10)
    decoder = Decoder(Linear(loadings), head, (D,))
    level = Level(StandardNormal(Z).double(), ExactPosterior(loadings))
    return LatentModel(nn.Identity(), [level], decoder), loadings


def exact_log_likelihood(x: Tensor, loadings: Tensor) -> Tensor:
    covariance = loadings @ loadings.T + NOISE**2 * torch.eye(D, dtype=torch.float64)
    zero = torch.zeros(D, dtype=torch.float64)
    return torch.distributions.MultivariateNormal(zero, covariance).log_prob(x)


def test_linear_vae_with_exact_posterior_is_exact_at_every_draw() -> None:
    torch.manual_seed(0)
    model, loadings = ppca()
    x = torch.randn(7, D, dtype=torch.float64)
    trace = model.observe(Batch(x, x), k=4)
    exact = exact_log_likelihood(x, loadings).expand(4, 7)
    torch.testing.assert_close(trace.log_weight(), exact)
    bound = ImportanceBound()(model, trace, Moment())
    torch.testing.assert_close(bound, -exact[0])


def test_elbo_of_exact_posterior_is_the_likelihood() -> None:
    torch.manual_seed(0)
    model, loadings = ppca()
    x = torch.randn(3, D, dtype=torch.float64)
    trace = model.observe(Batch(x, x), k=20_000)
    elbo = -(trace.distortion() + trace.rate())
    error = elbo.std(0) / math.sqrt(20_000)
    gap = (elbo.mean(0) - exact_log_likelihood(x, loadings)).abs()
    assert (gap < 5 * error).all()


def test_trained_linear_vae_reaches_ppca() -> None:
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    rows = random.normal(size=(300, Z)) @ random.normal(size=(Z, D))
    rows = rows + NOISE * random.normal(size=(300, D))
    pca = PCA(Z).fit(rows)
    # scikit-learn's score divides by n - 1; the maximum likelihood fit divides by n
    x = torch.tensor((rows - rows.mean(0)) @ pca.components_.T @ pca.components_)
    assert x.shape == (300, D)
    centred = torch.tensor(rows - rows.mean(0), dtype=torch.float32)
    rotated = centred @ torch.linalg.svd(centred, full_matrices=False)[2].T
    made = recipes.vae(
        shape=(D,),
        latent=Z,
        encoder=nn.Linear(D, 2 * Z),
        decoder=nn.Linear(Z, D),
        floor=1e-4,
    )
    head = made.model.decoder.head
    made.model.decoder.head = GaussianHead((), 1e-4)
    assert isinstance(head, GaussianHead)
    objective = Objective(
        samples=8, distortion=(constant(1), Distortion()), rate=(constant(1), Rate())
    )
    optimiser = torch.optim.Adam(made.model.parameters(), lr=0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 1200)
    batch = Batch(rotated, rotated)
    for _ in range(1200):
        loss = objective(made.model, made.model.observe(batch, 8), Moment())
        learn([loss.total], [optimiser])
        schedule.step()
    with torch.no_grad():
        trace = made.model.observe(batch, 500)
        elbo = -(trace.distortion() + trace.rate()).mean()
    assert float(elbo) == pytest.approx(pca.score(rows), abs=0.03)


def test_importance_bound_of_one_draw_is_the_elbo_and_grows_with_k() -> None:
    torch.manual_seed(0)
    model = recipes.vae(shape=(4,), latent=2, hidden=(8,)).model
    x = torch.randn(50, 4)
    bound, means = ImportanceBound(), []
    with torch.no_grad():
        one = model.observe(Batch(x, x), 1)
        torch.testing.assert_close(bound(model, one, Moment()), -one.log_weight()[0])
        many = model.observe(Batch(x, x), 8_000)
        elbo = -(many.distortion() + many.rate()).mean()
        torch.testing.assert_close(many.log_weight().mean(), elbo, atol=0.02, rtol=0)
        for k in (1, 2, 8, 64):
            parts = many.log_weight().unflatten(0, (-1, k))
            means.append(float((torch.logsumexp(parts, 1) - math.log(k)).mean()))
    assert means == sorted(means)


def test_values_do_not_depend_on_batch_size() -> None:
    torch.manual_seed(0)
    model = recipes.vae(shape=(1, 6, 5), likelihood="bernoulli", latent=3, hidden=(16,)).model
    x = (torch.rand(12, 1, 6, 5) > 0.5).float()
    z = torch.randn(12, 3)
    whole = model.observe(Batch(x, x), given={0: z})
    parts = [
        model.observe(Batch(x[i : i + 3], x[i : i + 3]), given={0: z[i : i + 3]})
        for i in range(0, 12, 3)
    ]
    torch.testing.assert_close(
        whole.distortion(), torch.cat([part.distortion() for part in parts], 1)
    )
    objective = Objective(distortion=(constant(1), Distortion()))
    means = [objective(model, part, Moment()).total for part in parts]
    torch.testing.assert_close(objective(model, whole, Moment()).total, torch.stack(means).mean())


def test_doubling_every_pixel_doubles_the_distortion_only() -> None:
    torch.manual_seed(0)
    once = recipes.vae(shape=(6,), likelihood="bernoulli", latent=2, hidden=(8,)).model
    x = (torch.rand(9, 6) > 0.5).float()
    trace = once.observe(Batch(x, x))
    logits = trace.likelihood.logits
    twice = type(trace.likelihood)(torch.cat([logits, logits], -1), 1)
    doubled = -twice.log_prob(torch.cat([x, x], -1))
    torch.testing.assert_close(doubled, 2 * trace.distortion())


def test_terms_are_named_and_sum_to_the_loss() -> None:
    model = recipes.vae(shape=(4,), latent=2, hidden=(8,)).model
    x = torch.randn(5, 4)
    objective = Objective(
        distortion=(constant(1), Distortion()), rate=(warm_up(0.5, to=4.0), Rate())
    )
    loss = objective(model, model.observe(Batch(x, x)), Moment(progress=0.25))
    assert loss.weights == {"distortion": 1.0, "rate": 2.0}
    total = loss.terms["distortion"] + 2 * loss.terms["rate"]
    torch.testing.assert_close(loss.total, total)


def test_gradient_equals_finite_differences() -> None:
    torch.manual_seed(0)
    model = recipes.vae(shape=(3,), latent=2, hidden=(4,)).model.double()
    x = torch.randn(2, 3, dtype=torch.float64)
    objective = Objective(distortion=(constant(1), Distortion()), rate=(constant(1), Rate()))
    weight = model.encoder.layers[0].linear.weight

    def loss(value: Tensor) -> Tensor:
        torch.manual_seed(1)
        changed = {"encoder.layers.0.linear.weight": value}
        call = torch.func.functional_call
        trace = call(
            _Observer(model), {f"model.{n}": v for n, v in changed.items()}, (Batch(x, x),)
        )
        return objective(model, trace, Moment()).total

    assert torch.autograd.gradcheck(loss, (weight.detach().clone().requires_grad_(),))


class _Observer(nn.Module):
    def __init__(self, model: LatentModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch) -> object:
        return self.model.observe(batch)


def test_a_point_has_no_rate() -> None:
    level = Level(StandardNormal(2), DiracPosterior(4, 2))
    model = LatentModel(nn.Identity(), [level], recipes.ae(shape=(4,), latent=2).model.decoder)
    x = torch.randn(3, 4)
    with pytest.raises(NoDensityError, match="no density and so no rate"):
        Rate()(model, model.observe(Batch(x, x)), Moment())


def test_players_feel_only_their_own_loss() -> None:
    ours, theirs = nn.Linear(3, 1), nn.Linear(1, 1)
    x = torch.randn(4, 3)
    expected = torch.autograd.grad(ours(x).mean(), list(ours.parameters()))
    optimisers = [torch.optim.SGD(m.parameters(), lr=1.0) for m in (ours, theirs)]
    before = [p.detach().clone() for p in ours.parameters()]
    made = ours(x)
    learn([made.mean(), theirs(made).mean()], optimisers)
    for was, now, gradient in zip(before, ours.parameters(), expected, strict=True):
        torch.testing.assert_close(now, was - gradient)
