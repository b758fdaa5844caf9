"""Gradients, extreme parameters, and values outside the support."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from variata.distributions import (
    Bernoulli,
    Categorical,
    DiscretisedLogistic,
    Factorised,
    Gaussian,
    LogisticMixture,
    NegativeBinomial,
    Poisson,
)

F64 = torch.float64


def t(*values: float) -> Tensor:
    return torch.tensor(values, dtype=F64)


GRADIENTS: dict[str, tuple[Callable[..., Factorised], tuple[Tensor, ...], Tensor]] = {
    "bernoulli": (Bernoulli, (t(-3, 0, 2),), t(0, 1, 1)),
    "gaussian": (Gaussian, (t(-3, 0, 2), t(0.1, 1, 3)), t(-2.9, 0.3, 0)),
    "logistic": (
        lambda m, s: DiscretisedLogistic(m, s, 17),
        (t(0.1, 0.5, 0.7), t(-3, 0, 2)),
        t(0, 0.5, 1),
    ),
    "logistic, scale shared": (
        lambda m, s: DiscretisedLogistic(m, s, 17),
        (t(0.1, 0.5, 3), t(-1)),
        t(0, 0.5, 1),
    ),
    "mixture": (
        lambda w, m, s: LogisticMixture(w, m, s, 17),
        (
            t(0, 1, 0, 0).view(2, 2),
            t(0.1, 0.5, 0.3, 0.9).view(2, 2),
            t(-3, 0, -1, -2).view(2, 2),
        ),
        t(0, 0.25),
    ),
    "categorical": (Categorical, (t(0, 1, 2, 1, 0, -1).view(2, 3),), t(0, 2)),
    "poisson": (Poisson, (t(-3, 0, 2),), t(0, 1, 9)),
    "negative binomial": (
        NegativeBinomial,
        (t(-3, 0, 2), t(-2, 0, 4)),
        t(0, 3, 9),
    ),
}


@pytest.mark.parametrize(("make", "parameters", "x"), GRADIENTS.values(), ids=GRADIENTS.keys())
def test_gradients_equal_finite_differences(
    make: Callable[..., Factorised], parameters: tuple[Tensor, ...], x: Tensor
) -> None:
    leaves = tuple(p.clone().requires_grad_() for p in parameters)
    assert torch.autograd.gradcheck(lambda *ps: make(*ps).log_prob_each(x), leaves)


@pytest.mark.parametrize("levels", [2, 256, 65536])
@pytest.mark.parametrize("log_scale", [-1e4, -30.0, -7.0, 0.0, 30.0, 1e4])
@pytest.mark.parametrize("mean", [-1e6, -1.0, 0.0, 0.5, 1.0, 1e6])
def test_logistic_is_finite_everywhere(mean: float, log_scale: float, levels: int) -> None:
    m = torch.full((4,), mean, requires_grad=True)
    s = torch.full((4,), log_scale, requires_grad=True)
    p = DiscretisedLogistic(m, s, levels)
    log_prob = p.log_prob_each(torch.tensor([0.0, 1 / (levels - 1), 0.5, 1.0]))
    log_prob.sum().backward()
    for value in (log_prob, m.grad, s.grad, p.sample()):
        assert value is not None
        assert bool(value.isfinite().all())
    assert bool((log_prob <= 0).all())


@pytest.mark.parametrize("log_dispersion", [-1e4, -20.0, 0.0, 2.9957, 20.0, 1e4])
@pytest.mark.parametrize("log_mean", [-60.0, 0.0, 15.0])
def test_negative_binomial_is_finite_everywhere(log_mean: float, log_dispersion: float) -> None:
    m = torch.full((4,), log_mean, requires_grad=True)
    r = torch.full((4,), log_dispersion, requires_grad=True)
    p = NegativeBinomial(m, r)
    log_prob = p.log_prob_each(torch.tensor([0.0, 1.0, 50.0, 1e5]))
    log_prob.sum().backward()
    for value in (log_prob, m.grad, r.grad):
        assert value is not None
        assert bool(value.isfinite().all())


def test_bernoulli_of_huge_logits_is_finite_and_exact() -> None:
    logits = torch.tensor([-1e4, 1e4], requires_grad=True)
    log_prob = Bernoulli(logits).log_prob_each(torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
    log_prob.sum().backward()
    assert torch.equal(log_prob.detach(), torch.tensor([[0.0, 0.0], [-1e4, -1e4]]))
    assert logits.grad is not None
    assert bool(logits.grad.isfinite().all())


LOGISTIC = DiscretisedLogistic(torch.zeros(3), torch.zeros(()), 256)
REFUSALS: dict[str, tuple[Factorised, list[float], str]] = {
    "bernoulli grey": (Bernoulli(torch.zeros(3)), [0, 0.5, 1], "other than 0 and 1, such as 0.5"),
    "bernoulli nan": (Bernoulli(torch.zeros(3)), [0, math.nan], "such as nan"),
    "gaussian inf": (Gaussian(torch.zeros(3), torch.ones(3)), [math.inf], "not finite"),
    "logistic codes": (LOGISTIC, [0, 255], "outside .0, 1., such as 255"),
    "logistic nan": (LOGISTIC, [0, math.nan], "such as nan"),
    "logistic between": (LOGISTIC, [0, 0.501], "between the 256 levels"),
    "mixture negative": (
        LogisticMixture(torch.zeros(3, 1), torch.zeros(3, 1), torch.zeros(1), 256),
        [-0.1],
        "outside",
    ),
    "categorical high": (Categorical(torch.zeros(3, 4)), [4], "classes 0 to 3, such as 4"),
    "categorical low": (Categorical(torch.zeros(3, 4)), [-1], "classes 0 to 3"),
    "categorical half": (Categorical(torch.zeros(3, 4)), [0.5], "classes 0 to 3"),
    "poisson negative": (Poisson(torch.zeros(3)), [-1], "counts"),
    "poisson half": (Poisson(torch.zeros(3)), [1.5], "counts.*such as 1.5"),
    "negative binomial inf": (
        NegativeBinomial(torch.zeros(3), torch.zeros(())),
        [math.inf],
        "counts",
    ),
}


@pytest.mark.parametrize(("p", "values", "clause"), REFUSALS.values(), ids=REFUSALS.keys())
def test_values_outside_the_support_are_named(
    p: Factorised, values: list[float], clause: str
) -> None:
    reason = p.support_check(torch.tensor(values))
    assert reason is not None
    assert reason == reason.strip().rstrip(".")
    with pytest.raises(ValueError, match=clause):
        raise ValueError(reason)


@pytest.mark.parametrize("levels", [2, 17, 256, 4096])
def test_every_level_lies_in_the_logistic_support(levels: int) -> None:
    p = DiscretisedLogistic(torch.zeros(levels), torch.zeros(()), levels)
    assert p.support_check(torch.arange(levels).float() / (levels - 1)) is None
