"""Closed divergences against their definition, and the registry that holds them."""

from __future__ import annotations

from collections.abc import Iterator

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
    FullGaussian,
    Gaussian,
    LowRankGaussian,
    NegativeBinomial,
    OneHot,
    Poisson,
    PowerSpherical,
    StandardGaussian,
    UniformSphere,
    VonMisesFisher,
    has_kl,
    kl,
    kl_each,
    register_kl,
)
from variata.distributions.kl import REGISTRY
from variata.errors import NoDensityError

F64 = torch.float64
K, B, Z = 2, 3, 4
Pair = tuple[Factorised, Factorised]


def wiggle(low: float, high: float, *tail: int) -> Tensor:
    count = K * B * Z * torch.Size(tail).numel()
    return torch.linspace(low, high, count, dtype=F64).view(K, B, Z, *tail)


PAIRS: dict[str, Pair] = {
    "gaussian": (
        Gaussian(wiggle(-1, 2), wiggle(0.3, 2)),
        Gaussian(wiggle(1, 0), wiggle(2, 1)),
    ),
    "gaussian to standard": (
        Gaussian(wiggle(-3, 3), wiggle(1e-3, 2)),
        StandardGaussian(torch.zeros(Z, dtype=F64)),
    ),
    "categorical": (
        Categorical(wiggle(-1, 2, 5).cos() * 3),
        Categorical(wiggle(0, 1, 5).sin() * 3),
    ),
    "bernoulli": (Bernoulli(wiggle(-4, 4)), Bernoulli(wiggle(1, -3))),
    "poisson": (Poisson(wiggle(-2, 3)), Poisson(wiggle(1, 2))),
}
ELSEWHERE = {
    (OneHot, OneHot),  # enumerated in test_codes.py
    (FullGaussian, StandardGaussian),  # test_posteriors.py
    (LowRankGaussian, StandardGaussian),
    (PowerSpherical, UniformSphere),  # test_curved.py
    (VonMisesFisher, UniformSphere),
}
pairs = pytest.mark.parametrize(("q", "p"), PAIRS.values(), ids=PAIRS.keys())


def as_torch(p: Factorised) -> td.Distribution:
    match p:
        case Gaussian():
            return td.Normal(p.mean, p.scale)
        case Categorical():
            return td.Categorical(logits=p.logits)
        case Bernoulli():
            return td.Bernoulli(logits=p.logits)
        case _:
            return td.Poisson(p.mean)


def test_every_registered_pair_is_tested() -> None:
    tested = {(type(q), type(p)) for q, p in PAIRS.values()}
    ours = {pair for pair in REGISTRY if all(t.__module__.startswith("variata.dist") for t in pair)}
    assert ours == tested | ELSEWHERE


@pairs
def test_kl_equals_monte_carlo(q: Factorised, p: Factorised) -> None:
    """To 5 standard errors of 20000 draws, per example."""
    torch.manual_seed(0)
    z = q.sample(torch.Size((20000,)))
    estimates = q.log_prob(z) - p.log_prob(z)
    error = 5 * estimates.std(0) / 20000**0.5
    assert bool(((estimates.mean(0) - kl(q, p)).abs() <= error).all())


@pairs
def test_kl_matches_torch_element_by_element(q: Factorised, p: Factorised) -> None:
    want = td.kl_divergence(as_torch(q), as_torch(p))
    torch.testing.assert_close(kl_each(q, p), want, rtol=1e-9, atol=1e-12)


@pairs
def test_kl_is_the_sum_over_the_event(q: Factorised, p: Factorised) -> None:
    each = kl_each(q, p)
    assert each.shape == (K, B, Z)
    assert kl(q, p).shape == (K, B)
    torch.testing.assert_close(kl(q, p), each.sum(-1))


@pairs
def test_kl_is_never_negative_and_zero_for_equals(q: Factorised, p: Factorised) -> None:
    assert bool((kl_each(q, p) >= 0).all())
    torch.testing.assert_close(kl(q, q), torch.zeros(K, B, dtype=F64), rtol=0, atol=1e-12)


def test_gaussian_kl_of_equals_is_exactly_zero_in_float32() -> None:
    torch.manual_seed(0)
    q = Gaussian(torch.randn(1, 5, 6), torch.rand(1, 5, 6) + 1e-3)
    assert torch.equal(kl(q, q), torch.zeros(1, 5))


def test_kl_gradients_equal_finite_differences() -> None:
    def rate(mean: Tensor, scale: Tensor, prior_mean: Tensor, prior_scale: Tensor) -> Tensor:
        return kl(Gaussian(mean, scale), Gaussian(prior_mean, prior_scale))

    leaves = tuple(wiggle(0.5, 1.5).add(i).requires_grad_() for i in range(4))
    assert torch.autograd.gradcheck(rate, leaves)


def test_kl_without_an_event_is_per_element() -> None:
    q = Categorical(wiggle(-1, 1, 5), event_dim=0)
    torch.testing.assert_close(kl(q, q), kl_each(q, q))


LOGISTIC = DiscretisedLogistic(wiggle(0, 1), wiggle(-1, 0), 5)
COUNTS = NegativeBinomial(wiggle(0, 1), wiggle(-1, 0))
UNREGISTERED: dict[str, Pair] = {
    "two kinds": (PAIRS["gaussian"][0], PAIRS["bernoulli"][0]),
    "logistic": (LOGISTIC, LOGISTIC),
    "negative binomial": (COUNTS, COUNTS),
}


@pytest.mark.parametrize(("q", "p"), UNREGISTERED.values(), ids=UNREGISTERED.keys())
def test_a_pair_without_closed_form_is_named(q: Factorised, p: Factorised) -> None:
    assert not has_kl(q, p)
    for ask in (kl, kl_each):
        with pytest.raises(NoDensityError) as caught:
            ask(q, p)
        assert f"KL({type(q).__name__} || {type(p).__name__})" in str(caught.value)
        assert "log q(z) - log p(z)" in str(caught.value)


@pytest.mark.parametrize("place", [0, 1])
def test_a_dirac_has_no_rate(place: int) -> None:
    pair = [PAIRS["gaussian"][0], PAIRS["gaussian"][0]]
    pair[place] = Dirac(wiggle(0, 1))
    assert not has_kl(*pair)
    with pytest.raises(NoDensityError, match=r"Dirac.*use an objective without a rate"):
        kl(*pair)


@pytest.fixture
def own_gaussian() -> Iterator[type[Gaussian]]:
    """A subclass with a divergence of its own, taken out of the registry afterwards."""

    class Own(Gaussian):
        pass

    yield Own
    REGISTRY.pop((Own, Own), None)


def test_a_registered_pair_is_found_by_exact_type(own_gaussian: type[Gaussian]) -> None:
    q = own_gaussian(wiggle(0, 1), wiggle(1, 2))
    assert not has_kl(q, q)
    register_kl(own_gaussian, own_gaussian)(lambda q, p: torch.full_like(q.mean, 0.5))
    assert has_kl(q, q)
    assert not has_kl(q, PAIRS["gaussian"][0])
    torch.testing.assert_close(kl(q, q), torch.full((K, B), 2.0, dtype=F64))
