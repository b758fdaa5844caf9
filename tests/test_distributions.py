"""What every distribution must satisfy, at ordinary and at extreme parameters."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

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
from variata.distributions.bins import FEW_LEVELS

K, B, X = 2, 3, (4,)
Make = Callable[..., Factorised]


def full(value: float, *tail: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Parameters that vary a little around `value`, (K, B, *X, *tail)."""
    count = K * B * X[0] * torch.Size(tail).numel()
    wiggle = torch.linspace(-0.02, 0.02, count, dtype=torch.float64).view(K, B, *X, *tail)
    return (value + wiggle).to(dtype)


def scalar(value: float, dtype: torch.dtype) -> Tensor:
    return torch.tensor(value, dtype=torch.float64).to(dtype)


def bernoulli(logit: float) -> Make:
    return lambda dtype=torch.float64: Bernoulli(full(logit, dtype=dtype))


def gaussian(mean: float, scale: float) -> Make:
    return lambda dtype=torch.float64: Gaussian(full(mean, dtype=dtype), scalar(scale, dtype))


def standard_gaussian(dtype: torch.dtype = torch.float64) -> StandardGaussian:
    return StandardGaussian(torch.zeros(K, B, *X, dtype=dtype))


def logistic(levels: int, mean: float, scale: float) -> Make:
    def make(dtype: torch.dtype = torch.float64) -> DiscretisedLogistic:
        log_scale = scalar(scale, torch.float64).log().to(dtype)
        return DiscretisedLogistic(full(mean, dtype=dtype), log_scale, levels)

    return make


def mixture(levels: int, means: list[float], scale: float) -> Make:
    def make(dtype: torch.dtype = torch.float64) -> LogisticMixture:
        many = len(means)
        weights = torch.arange(many, dtype=dtype).expand(K, B, *X, many)
        centres = full(0.0, many, dtype=dtype) + torch.tensor(means, dtype=dtype)
        log_scales = scalar(scale, torch.float64).log().to(dtype).expand_as(centres)
        return LogisticMixture(weights, centres, log_scales, levels)

    return make


def categorical(classes: int, gain: float) -> Make:
    def make(dtype: torch.dtype = torch.float64) -> Categorical:
        ramp = gain * torch.linspace(-1, 1, classes, dtype=torch.float64).cos().to(dtype)
        return Categorical(full(0.0, classes, dtype=dtype) + ramp)

    return make


def poisson(log_rate: float) -> Make:
    return lambda dtype=torch.float64: Poisson(full(log_rate, dtype=dtype))


def negative_binomial(log_mean: float, log_dispersion: float) -> Make:
    return lambda dtype=torch.float64: NegativeBinomial(
        full(log_mean, dtype=dtype), scalar(log_dispersion, dtype)
    )


DISCRETE: dict[str, Make] = {
    "bernoulli even": bernoulli(0.0),
    "bernoulli confident": bernoulli(60.0),
    "bernoulli unlikely": bernoulli(-60.0),
    "categorical even": categorical(2, 0.0),
    "categorical of 7": categorical(7, 3.0),
    "categorical confident": categorical(256, 300.0),
    "poisson": poisson(1.0),
    "poisson rare": poisson(-20.0),
    "poisson many": poisson(6.0),
    "negative binomial": negative_binomial(1.0, 0.5),
    "negative binomial nearly poisson": negative_binomial(3.0, 18.0),
    "negative binomial past the limit": negative_binomial(3.0, 500.0),
    "negative binomial across the series": negative_binomial(3.0, 2.9957),
    "negative binomial rare": negative_binomial(-15.0, 1.0),
    "negative binomial sparse": negative_binomial(0.0, -1.5),
    "mixture of 17 levels": mixture(17, [0.1, 0.5, 0.9], 0.03),
    "mixture of 256 narrow": mixture(256, [-3.0, 0.5, 40.0], 1e-4),
    "mixture of 256 wide": mixture(256, [0.0, 1.0], 50.0),
}
for levels in (2, 5, 17, 256):
    for scale in (1e-4, 0.05, 50.0):
        for centre in (-3.0, 0.3, 1.0, 40.0):
            name = f"logistic of {levels} levels at {centre:g} scale {scale:g}"
            DISCRETE[name] = logistic(levels, centre, scale)

CONTINUOUS: dict[str, Make] = {
    "gaussian": gaussian(0.5, 1.5),
    "gaussian narrow": gaussian(-3.0, 1e-4),
    "gaussian wide": gaussian(100.0, 1e4),
    "standard gaussian": standard_gaussian,
}
ALL = DISCRETE | CONTINUOUS

every = pytest.mark.parametrize("make", ALL.values(), ids=ALL.keys())
discrete = pytest.mark.parametrize("make", DISCRETE.values(), ids=DISCRETE.keys())
continuous = pytest.mark.parametrize("make", CONTINUOUS.values(), ids=CONTINUOUS.keys())


def grid(p: Factorised) -> Tensor:
    """Every value of the support that has any mass to speak of, in order."""
    dtype = p.mean.dtype
    if isinstance(p, Bernoulli):
        return torch.arange(2, dtype=dtype)
    if isinstance(p, Categorical):
        return torch.arange(p.classes, dtype=dtype)
    if isinstance(p, (DiscretisedLogistic, LogisticMixture)):
        return torch.arange(p.levels, dtype=dtype) / (p.levels - 1)
    far = p.mean.max() + 60 * p.variance.max().sqrt() + 60
    return torch.arange(int(far), dtype=dtype)


def log_masses(p: Factorised) -> Tensor:
    """log p of every grid value, (values, K, B, *X)."""
    return p.log_prob_each(grid(p).view(-1, 1, 1, *(1 for _ in X)))


def a_value(p: Factorised) -> Tensor:
    """Some data, (B, *X)."""
    torch.manual_seed(0)
    return p.sample()[0]


@every
def test_log_prob_of_data_broadcasts_over_the_samples(make: Make) -> None:
    p = make()
    x = a_value(p)
    assert p.batch_shape == (K, B)
    assert p.event_shape == X
    assert p.event_dim == len(X)
    assert p.log_prob_each(x).shape == (K, B, *X)
    assert p.log_prob(x).shape == (K, B)
    torch.testing.assert_close(p.log_prob(x), p.log_prob_each(x).sum(-1))


@every
def test_every_value_has_the_elements_shape(make: Make) -> None:
    p = make()
    for value in (p.sample(), p.mean, p.variance, p.point()):
        assert value.shape == (K, B, *X)
    assert p.sample(torch.Size((5, 1))).shape == (5, 1, K, B, *X)
    assert p.log_prob(p.sample(torch.Size((5,)))).shape == (5, K, B)


@discrete
@pytest.mark.parametrize(("dtype", "atol"), [(torch.float64, 1e-9), (torch.float32, 2e-5)])
def test_probabilities_sum_to_one(make: Make, dtype: torch.dtype, atol: float) -> None:
    p = make(dtype)
    if dtype == torch.float32 and isinstance(p, (Poisson, NegativeBinomial)):
        atol = 1e-6 * max(30.0, p.mean.max().item() * 8)  # x log x is rounded
    total = log_masses(p).double().logsumexp(0)
    torch.testing.assert_close(total, torch.zeros_like(total), rtol=0, atol=atol)


@discrete
def test_moments_are_those_of_the_masses(make: Make) -> None:
    p = make()
    masses = log_masses(p).exp()
    values = grid(p).view(-1, 1, 1, *(1 for _ in X))
    mean = (masses * values).sum(0)
    variance = (masses * (values - mean).square()).sum(0)
    torch.testing.assert_close(p.mean, mean, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(p.variance, variance, rtol=1e-6, atol=1e-9)


@continuous
def test_densities_integrate_to_one(make: Make) -> None:
    p = make()
    sd = p.variance.sqrt()
    steps = torch.linspace(-12, 12, 2001, dtype=torch.float64).view(-1, 1, 1, 1)
    density = p.log_prob_each(p.mean + steps * sd).exp()
    total = torch.trapezoid(density * sd, dx=24 / 2000, dim=0)
    torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=1e-9)


@every
def test_samples_have_the_stated_moments(make: Make) -> None:
    """To 5 standard errors of the mean, and of the variance by the fourth moment."""
    p = make()
    torch.manual_seed(1)
    draws = p.sample(torch.Size((4000,)))
    count = draws.numel()
    apart = draws - p.mean
    mean_error = apart.mean().abs()
    assert mean_error <= 5 * (p.variance.mean() / count).sqrt() + 1e-12
    squared = apart.square() - p.variance
    slack = 5 * squared.std() / count**0.5 + 1e-3 * p.variance.mean() + 2e-12 + rare(p, count)
    assert squared.mean().abs() <= slack


def rare(p: Factorised, count: int) -> float:
    """Allow for counts too rare to be drawn, which the sample's own deviation misses."""
    counts = isinstance(p, (Bernoulli, Poisson, NegativeBinomial))
    return 25 / count if counts and p.variance.mean() < 100 / count else 0.0


@discrete
def test_samples_lie_on_the_grid(make: Make) -> None:
    p = make(torch.float32)
    torch.manual_seed(2)
    draws = p.sample(torch.Size((20,)))
    assert bool(torch.isin(draws, grid(p)).all())
    assert p.support_check(draws) is None


@every
def test_point_lies_in_the_supports_hull(make: Make) -> None:
    p = make()
    if isinstance(p, Categorical):
        assert p.support_check(p.point()) is None
        torch.testing.assert_close(p.point(), p.logits.argmax(-1).double())
        return
    levels = getattr(p, "levels", 2)
    within = 0.5 / (levels - 1) if levels > FEW_LEVELS else 1e-7
    torch.testing.assert_close(p.point(), p.mean, atol=within, rtol=1e-7)
    if isinstance(p, (Bernoulli, DiscretisedLogistic, LogisticMixture)):
        assert bool(((p.point() >= 0) & (p.point() <= 1)).all())


@every
def test_float32_agrees_with_float64(make: Make) -> None:
    """Compared at the same parameters, rounded to float32; 1e-4 of relative error, and 1e-3 nats
    of absolute error, which is eps times the largest term that is cancelled."""
    exact, rounded = moved(make(torch.float32), torch.float64), make(torch.float32)
    x = a_value(make(torch.float32))
    got = rounded.log_prob_each(x)
    assert got.dtype == torch.float32
    want = exact.log_prob_each(x.double())
    torch.testing.assert_close(got.double(), want, rtol=1e-4, atol=1e-3)


def moved(p: Factorised, where: torch.dtype | str) -> Factorised:
    """The same distribution with its parameters in another dtype or on another device."""
    for name, value in vars(p).items():
        if isinstance(value, Tensor):
            setattr(p, name, value.to(where))
    return p


@every
def test_values_keep_the_parameters_dtype(make: Make) -> None:
    p = make(torch.float32)
    for value in (p.sample(), p.mean, p.variance, p.point(), p.log_prob(a_value(p))):
        assert value.dtype == torch.float32


@every
def test_values_keep_the_parameters_device(make: Make) -> None:
    """The meta device refuses to be mixed with another, as an accelerator does."""
    x = a_value(make()).to("meta")
    p = moved(make(), "meta")
    for value in (p.sample(), p.mean, p.variance, p.point(), p.log_prob(x)):
        assert value.device.type == "meta"


@every
def test_everything_but_sampling_leaves_the_random_state_alone(make: Make) -> None:
    p = make()
    x = a_value(p)
    before = torch.get_rng_state()
    for ask in (lambda: p.log_prob(x), lambda: p.mean, lambda: p.variance, p.point):
        ask()
    p.support_check(x)
    assert torch.equal(before, torch.get_rng_state())
    p.sample()
    assert not torch.equal(before, torch.get_rng_state())


@every
def test_samples_carry_no_gradient(make: Make) -> None:
    p = make()
    for value in vars(p).values():
        if isinstance(value, Tensor) and value.is_leaf:
            value.requires_grad_()
    assert not p.sample().requires_grad


@every
def test_repr_names_the_shapes(make: Make) -> None:
    text = repr(make())
    assert text.startswith(type(make()).__name__ + "(batch=(2, 3), event=(4,)")
    assert len(text) < 100


LEAVES: dict[str, Callable[[Tensor, int], Factorised]] = {
    "bernoulli": Bernoulli,
    "gaussian": lambda t, n: Gaussian(t, torch.ones(()), n),
    "standard gaussian": StandardGaussian,
    "poisson": Poisson,
    "negative binomial": lambda t, n: NegativeBinomial(t, torch.zeros(()), n),
    "logistic": lambda t, n: DiscretisedLogistic(t, torch.zeros(()), 5, n),
    "mixture": lambda t, n: LogisticMixture(
        torch.zeros(*t.shape, 2), t[..., None].expand(*t.shape, 2), torch.zeros(2), 5, n
    ),
    "categorical": lambda t, n: Categorical(t[..., None].expand(*t.shape, 3), n),
    "dirac": Dirac,
}


@pytest.mark.parametrize("make", LEAVES.values(), ids=LEAVES.keys())
@pytest.mark.parametrize("event_dim", [0, 1, 3])
def test_event_dim_says_what_is_summed(
    make: Callable[[Tensor, int], Factorised], event_dim: int
) -> None:
    shape = (2, 3, 4, 5, 6)
    p = make(torch.zeros(shape), event_dim)
    assert p.batch_shape + p.event_shape == shape
    assert len(p.event_shape) == event_dim
    if not isinstance(p, Dirac):
        assert p.log_prob(torch.zeros(shape[1:])).shape == p.batch_shape


@pytest.mark.parametrize("swapped", [False, True])
def test_rare_values_of_binary_elements_come_as_often_as_they_should(swapped: bool) -> None:
    torch.manual_seed(0)
    p, rows = torch.tensor(2.0**-18, dtype=torch.float64), 4_096
    logit = (torch.log(p) - torch.log1p(-p)).item() * (-1 if swapped else 1)
    x = Bernoulli(torch.full((1, rows, 1_024), logit)).sample()
    rare = (x == (0 if swapped else 1)).sum().item()
    assert 4 <= rare <= 34  # Poisson(16): outside with a probability of 1e-4


def test_draws_of_binary_elements_have_the_shape_of_their_event() -> None:
    torch.manual_seed(0)
    for event_dim in range(4):
        p = Bernoulli(torch.zeros(3, 5, 7), event_dim)
        x = p.sample(torch.Size((2,)))
        assert x.shape == (2, 3, 5, 7)
        assert 0.3 < x.mean() < 0.7
