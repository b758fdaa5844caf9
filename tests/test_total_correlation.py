"""The three parts of the rate: identities, exact mixtures, and closed forms."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from latents import gaussian_trace, point_trace, random_trace, told
from variata import recipes
from variata.batch import Batch
from variata.errors import NoDensityError
from variata.models import Trace
from variata.objectives import DimensionKL, MutualInformation, TotalCorrelation
from variata.objectives.aggregate import aggregate_log_densities
from variata.schedules import Moment

PARTS = (MutualInformation, TotalCorrelation, DimensionKL)


def each_log_density(trace: Trace) -> Tensor:
    """log q(z_id | x_j), (K, B, B, Z), from torch's own Gaussian."""
    stage = trace.stages[0]
    assert stage.q is not None
    q = torch.distributions.Normal(stage.q.mean, stage.q.variance.sqrt())
    return q.log_prob(stage.z[:, :, None])


@pytest.mark.parametrize("rows", [None, 1000])
@pytest.mark.parametrize("batch", [1, 2, 7])
@pytest.mark.parametrize("k", [1, 3])
def test_the_parts_sum_to_the_rate(rows: int | None, batch: int, k: int) -> None:
    trace = random_trace(batch, k)
    parts = torch.stack([told(part(rows), trace) for part in PARTS])
    assert parts.shape == (3, k, batch)
    torch.testing.assert_close(parts.sum(0), trace.rate(), rtol=0, atol=1e-10)


def test_without_a_number_of_rows_the_batch_is_the_data() -> None:
    trace = random_trace(6, k=2)
    each = each_log_density(trace)
    found = aggregate_log_densities(trace)
    torch.testing.assert_close(found.joint, each.sum(-1).logsumexp(2) - math.log(6))
    marginals = (each.logsumexp(2) - math.log(6)).sum(-1)
    torch.testing.assert_close(found.marginals, marginals)
    own = each.sum(-1).diagonal(dim1=1, dim2=2)
    torch.testing.assert_close(found.own, own)


def test_a_number_of_rows_makes_the_estimate_of_the_density_unbiased() -> None:
    """Over all batches that hold a row, the mean of the estimates is the mixture of all rows."""
    whole = random_trace(6)
    stage = whole.stages[0]
    assert stage.q is not None
    mean, scale = stage.q.mean, stage.q.variance.sqrt()
    exact = each_log_density(whole).sum(-1).logsumexp(2).exp()[0, 0] / 6
    estimates = []
    for others in itertools.combinations(range(1, 6), 2):
        index = torch.tensor([0, *others])
        part = gaussian_trace(mean[index], scale[index])
        placed = type(part.stages[0])(stage.z[:, index], part.stages[0].p, part.stages[0].q)
        found = aggregate_log_densities(Trace((placed,), part.likelihood), rows=6)
        estimates.append(found.joint[0, 0].exp())
    torch.testing.assert_close(torch.stack(estimates).mean(), exact)


def test_the_estimate_is_stratified_sampling_averaged_over_orders() -> None:
    """f(z) of Chen et al., appendix C.2, with M + 1 rows in the batch."""
    trace, n, m = random_trace(4), 50, 3
    density = each_log_density(trace).sum(-1).exp()[0]
    weights = [1 / m] * (m - 1) + [(n - m) / (n * m)]
    orders = list(itertools.permutations([1, 2, 3]))
    values = [
        density[0, 0] / n + sum(w * density[0, j] for w, j in zip(weights, order, strict=True))
        for order in orders
    ]
    found = aggregate_log_densities(trace, rows=n).joint[0, 0].exp()
    torch.testing.assert_close(found, sum(values) / len(values))


@pytest.mark.parametrize("rows", [None, 10**6])
def test_linear_gaussian_aggregates_have_closed_parts(rows: int | None) -> None:
    torch.manual_seed(0)
    mixing = torch.tensor([[0.9, 0.3], [0.2, 0.6]], dtype=torch.float64)
    mean, scale = torch.randn(1500, 2, dtype=torch.float64) @ mixing.T, 0.5
    trace = gaussian_trace(mean, torch.full_like(mean, scale))
    covariance = mixing @ mixing.T + scale**2 * torch.eye(2, dtype=torch.float64)
    variances = covariance.diagonal()
    information = 0.5 * (covariance / scale**2).logdet()
    correlation = 0.5 * (variances.log().sum() - covariance.logdet())
    apart = 0.5 * (variances - 1 - variances.log()).sum()
    assert correlation > 0.09
    for part, exact in zip(PARTS, (information, correlation, apart), strict=True):
        assert float(told(part(rows), trace).mean()) == pytest.approx(float(exact), abs=0.05)


def test_independent_dimensions_have_no_total_correlation() -> None:
    torch.manual_seed(0)
    trace = gaussian_trace(torch.randn(1000, 2).double(), torch.ones(1000, 2).double())
    assert abs(float(told(TotalCorrelation(), trace).mean())) < 0.02


def test_examples_told_apart_fully_have_the_information_of_their_number() -> None:
    mean = 100.0 * torch.arange(8.0, dtype=torch.float64)[:, None]
    trace = gaussian_trace(mean, torch.ones_like(mean))
    for rows, information in ((None, math.log(8)), (5000, math.log(5000))):
        found = told(MutualInformation(rows), trace)
        torch.testing.assert_close(found, torch.full_like(found, information))


@pytest.mark.parametrize("rows", [None, 1000])
def test_a_batch_of_one_tells_nothing_and_pays_the_rate(rows: int | None) -> None:
    trace = random_trace(1, k=3)
    for part in (MutualInformation, TotalCorrelation):
        torch.testing.assert_close(told(part(rows), trace), torch.zeros(3, 1).double())
    torch.testing.assert_close(told(DimensionKL(rows), trace), trace.rate())


def test_narrow_posteriors_keep_finite_gradients() -> None:
    torch.manual_seed(0)
    mean = (100 * torch.randn(20, 5)).requires_grad_()
    scale = torch.full((20, 5), 1e-3, requires_grad=True)
    trace = gaussian_trace(mean, scale)
    total = sum(told(part(), trace).mean() for part in PARTS)
    assert isinstance(total, Tensor)
    for gradient in torch.autograd.grad(total, (mean, scale)):
        assert gradient.isfinite().all()


def test_points_have_no_aggregate_density() -> None:
    with pytest.raises(NoDensityError, match="needs a Gaussian posterior"):
        told(TotalCorrelation(), point_trace(torch.zeros(1, 3, 2)))


@pytest.mark.parametrize("weights", [(1.0, 6.0, 1.0), (0.5, 4.0, 2.0), (0.0, 0.0, 0.0)])
def test_the_recipe_weighs_the_three_parts(weights: tuple[float, float, float]) -> None:
    torch.manual_seed(0)
    names = dict(zip(("alpha", "beta", "gamma"), weights, strict=True))
    made = recipes.beta_tc_vae(shape=(4,), latent=3, hidden=(8,), rows=500, **names)
    model, x = made.model.double(), torch.randn(9, 4).double()
    trace, moment = model.observe(Batch(x, x)), Moment(progress=1.0)
    parts = [w * part(500)(model, trace, moment) for w, part in zip(weights, PARTS, strict=True)]
    wanted = trace.distortion().mean() + torch.stack(parts).sum(0).mean()
    found = made.phases[0].objective(model, trace, moment).total
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-10)


def test_with_all_weights_one_the_recipe_is_the_vae() -> None:
    made = recipes.beta_tc_vae(shape=(4,), latent=3, hidden=(8,), beta=1.0)
    x = torch.randn(9, 4)
    trace = made.model.observe(Batch(x, x))
    loss = made.phases[0].objective(made.model, trace, Moment(progress=1.0))
    torch.testing.assert_close(loss.total, (trace.distortion() + trace.rate()).mean())
