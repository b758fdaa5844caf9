"""What holds for single distributions: oracles, identities, draws."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch import distributions as td

from variata.distributions import (
    Bernoulli,
    Categorical,
    Dirac,
    DiscretisedLogistic,
    Factorised,
    Gaussian,
    LogisticMixture,
    NegativeBinomial,
    Poisson,
    StandardGaussian,
)
from variata.distributions.counts import STIRLING_FROM
from variata.errors import NoDensityError, UsageError

F64 = torch.float64


def t(*values: float) -> Tensor:
    return torch.tensor(values, dtype=F64)


ORACLES = {
    "bernoulli": (Bernoulli(t(-50, -1, 0, 3)), td.Bernoulli(logits=t(-50, -1, 0, 3)), t(0, 1)),
    "gaussian": (
        Gaussian(t(-1, 0, 9), t(1e-3, 1, 50)),
        td.Normal(t(-1, 0, 9), t(1e-3, 1, 50)),
        t(-1, 0.5, 8),
    ),
    "standard gaussian": (StandardGaussian(t(0, 0)), td.Normal(0, 1), t(-9, 0, 0.3)),
    "poisson": (Poisson(t(-9, 0, 5)), td.Poisson(t(-9, 0, 5).exp()), t(0, 3, 200)),
    "categorical": (
        Categorical(t(0, 3, -40).expand(3, 3)),
        td.Categorical(logits=t(0, 3, -40).expand(3, 3)),
        t(0, 1, 2),
    ),
}


@pytest.mark.parametrize(("ours", "theirs", "values"), ORACLES.values(), ids=ORACLES.keys())
def test_log_prob_matches_torch(ours: Factorised, theirs: td.Distribution, values: Tensor) -> None:
    for x in values:
        got = ours.log_prob_each(x.expand(ours.event_shape))
        want = theirs.log_prob(x.expand(ours.event_shape))
        torch.testing.assert_close(got, want, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("log_dispersion", [-19.0, -3.0, 0.0, 2.99, 3.0, 8.0, 12.0])
@pytest.mark.parametrize("log_mean", [-9.0, 0.0, 3.0, 8.0])
def test_negative_binomial_matches_scipy(log_mean: float, log_dispersion: float) -> None:
    """To 1e-6 in relative terms: SciPy's own form cancels at large dispersions."""
    stats = pytest.importorskip("scipy.stats")
    x = t(0, 1, 2, 10, 100, 5000)
    r, m = math.exp(log_dispersion), math.exp(log_mean)
    p = NegativeBinomial(t(log_mean).expand(6), t(log_dispersion))
    want = torch.from_numpy(stats.nbinom.logpmf(x.numpy(), r, r / (r + m)))
    torch.testing.assert_close(p.log_prob_each(x), want, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_negative_binomial_tends_to_the_poisson(dtype: torch.dtype) -> None:
    x = torch.tensor([0.0, 1, 5, 20, 60], dtype=dtype)
    log_mean = torch.full((5,), 2.0, dtype=dtype)
    p = NegativeBinomial(log_mean, torch.tensor(20.0, dtype=dtype))
    torch.testing.assert_close(
        p.log_prob_each(x), Poisson(log_mean).log_prob_each(x), rtol=1e-5, atol=1e-5
    )


def test_negative_binomial_is_smooth_where_the_series_takes_over() -> None:
    x, at = t(0, 3, 50), math.log(STIRLING_FROM)
    below, above = (
        NegativeBinomial(t(1, 1, 1), t(at + side)).log_prob_each(x) for side in (-1e-12, 1e-12)
    )
    torch.testing.assert_close(below, above, rtol=1e-11, atol=1e-10)


def test_logistic_matches_the_difference_of_sigmoids() -> None:
    mean, log_scale = t(0.2, 0.5, 0.9), t(-1, 0, 1)
    p = DiscretisedLogistic(mean, log_scale, 5)
    for x in (0.25, 0.5, 0.75):
        a, b = ((x + h - mean) / log_scale.exp() for h in (0.125, -0.125))
        want = (a.sigmoid() - b.sigmoid()).log()
        torch.testing.assert_close(p.log_prob_each(t(x, x, x)), want, rtol=1e-10, atol=1e-10)


def test_logistic_far_from_its_mean_falls_linearly() -> None:
    p = DiscretisedLogistic(torch.tensor([1000.0]), torch.tensor(-2.0), 256)
    got = p.log_prob_each(torch.tensor([0.0]))
    want = -(1000 - 0.5 / 255) * math.exp(2.0)
    torch.testing.assert_close(got, torch.tensor([want]), rtol=1e-5, atol=0)


def test_logistic_value_between_levels_counts_as_the_nearer() -> None:
    p = DiscretisedLogistic(t(0.4), t(-1), 5)
    assert torch.equal(p.log_prob_each(t(0.3)), p.log_prob_each(t(0.25)))


def test_logistic_mean_is_the_same_in_small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    p = DiscretisedLogistic(torch.linspace(-1, 2, 30, dtype=F64), t(-2), 256)
    mean, variance = p.mean, p.variance
    monkeypatch.setattr("variata.distributions.bins.CHUNK", 100)
    torch.testing.assert_close(p.mean, mean)
    torch.testing.assert_close(p.variance, variance)


def test_narrow_logistic_has_its_mean_on_a_level() -> None:
    p = DiscretisedLogistic(torch.tensor([0.1, 0.45, 5.0, -5.0]), torch.tensor(-20.0), 11)
    torch.testing.assert_close(p.mean, torch.tensor([0.1, 0.4, 1.0, 0.0]), atol=0.0501, rtol=0)
    torch.testing.assert_close(p.variance[[0, 2, 3]], torch.zeros(3))


def test_mixture_of_one_is_the_logistic() -> None:
    mean, log_scale = torch.rand(2, 3, 4, dtype=F64), torch.randn(2, 3, 4, dtype=F64)
    one = LogisticMixture(mean[..., None], mean[..., None], log_scale[..., None], 17)
    alone = DiscretisedLogistic(mean, log_scale, 17)
    x = torch.randint(17, (3, 4)) / 16
    torch.testing.assert_close(one.log_prob(x), alone.log_prob(x))
    torch.testing.assert_close(one.mean, alone.mean)
    torch.testing.assert_close(one.variance, alone.variance)


def test_mixture_weights_and_scales_may_be_shared() -> None:
    p = LogisticMixture(t(0, 0), torch.rand(2, 3, 4, 2, dtype=F64), t(-1, -2), 17)
    assert p.sample(torch.Size((5,))).shape == (5, 2, 3, 4)
    assert p.log_prob(torch.zeros(3, 4)).shape == (2, 3)
    assert p.mean.shape == p.variance.shape == (2, 3, 4)


def test_gaussian_reparametrised_draws_move_with_mean_and_scale() -> None:
    mean, scale = t(1, 2).requires_grad_(), t(3, 4).requires_grad_()
    torch.manual_seed(0)
    z = Gaussian(mean, scale).rsample(torch.Size((7,)))
    grads = torch.autograd.grad(z.sum(), (mean, scale))
    torch.testing.assert_close(grads[0], t(7, 7))
    torch.testing.assert_close(grads[1], ((z - mean) / scale).sum(0))


def test_gaussian_draws_follow_the_seed() -> None:
    p = Gaussian(torch.zeros(2, 3, 4), torch.ones(4))
    draws = []
    for _ in range(2):
        torch.manual_seed(5)
        draws.append(p.sample())
    assert torch.equal(*draws)


def test_gaussian_entropy_matches_torch() -> None:
    scale = t(0.1, 1, 30)
    want = td.Normal(torch.zeros(2, 3, dtype=F64), scale).entropy().sum(-1)
    torch.testing.assert_close(Gaussian(torch.zeros(2, 3, dtype=F64), scale).entropy(), want)


def test_dirac_is_its_value_and_passes_the_gradient() -> None:
    value = torch.randn(2, 3, 4, requires_grad=True)
    q = Dirac(value)
    assert torch.equal(q.rsample(torch.Size((5,)))[3], value)
    assert torch.equal(q.point(), value)
    assert not q.sample().requires_grad
    assert torch.equal(q.variance, torch.zeros(2, 3, 4))
    (grad,) = torch.autograd.grad(q.rsample().sum(), value)
    assert torch.equal(grad, torch.ones_like(grad))


@pytest.mark.parametrize("method", ["log_prob", "log_prob_each"])
def test_dirac_has_no_density(method: str) -> None:
    with pytest.raises(NoDensityError, match=r"Dirac.*Gaussian"):
        getattr(Dirac(torch.zeros(2, 3)), method)(torch.zeros(3))


@pytest.mark.parametrize("levels", [-1, 0, 1])
def test_fewer_than_two_levels_are_refused(levels: int) -> None:
    one = torch.zeros(1, 1, 1)
    with pytest.raises(UsageError, match=f"2 levels or more, but was given {levels}"):
        DiscretisedLogistic(one, one, levels)
    with pytest.raises(UsageError, match="2 levels or more"):
        LogisticMixture(one, one, one, levels)
