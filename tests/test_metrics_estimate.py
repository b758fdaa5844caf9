"""Estimates, importance bounds and collapse against hand computation."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from variata.errors import DataError, ShapeError, UsageError
from variata.metrics import (
    Estimate,
    LogMeanExp,
    active_mask,
    active_units,
    bits_per_dim,
    importance_bound,
    rate_per_dimension,
    streaming_logmeanexp,
)


def test_estimate_by_hand():
    got = Estimate.of(torch.tensor([1.0, 2.0, 3.0, 6.0]))
    assert got.mean == 3.0
    assert got.se == pytest.approx(math.sqrt((4 + 1 + 0 + 9) / 3 / 4))


def test_estimate_of_one_example_has_no_error():
    got = Estimate.of(torch.tensor([2.5]))
    assert math.isnan(got.se)
    assert got.as_dict() == {"mean": 2.5, "se": None}
    assert str(got) == "2.50"


@pytest.mark.parametrize("values", [[], [1.0, float("nan")], [float("inf")]])
def test_estimate_refuses_nothing_and_not_finite(values):
    with pytest.raises(DataError):
        Estimate.of(torch.tensor(values))


@settings(deadline=None, derandomize=True)
@given(st.lists(st.integers(1, 7), min_size=1, max_size=6), st.integers(0, 10_000))
def test_streaming_equals_whole_for_any_chunking(sizes, seed):
    draw = torch.Generator().manual_seed(seed)
    log_w = 30 * torch.randn(sum(sizes), 3, generator=draw, dtype=torch.float64)
    whole = log_w.exp().mean(0).log()
    torch.testing.assert_close(streaming_logmeanexp(log_w.split(sizes)), whole, rtol=0, atol=1e-10)
    torch.testing.assert_close(importance_bound(log_w), whole, rtol=0, atol=1e-10)


def test_streaming_neither_overflows_nor_underflows():
    log_w = torch.tensor([[-1e5, 1e5, -math.inf], [-1e5 + math.log(3), 1e5, 0.0]])
    expected = torch.tensor([-1e5 + math.log(2), 1e5, -math.log(2)], dtype=torch.float64)
    # float32 weights near 1e5 carry steps of 0.008.
    torch.testing.assert_close(streaming_logmeanexp(log_w.split(1)), expected, rtol=0, atol=0.01)


def test_only_impossible_weights_give_minus_infinity():
    assert importance_bound(torch.full((4, 1), -math.inf)).item() == -math.inf


def test_empty_accumulator_is_refused():
    with pytest.raises(UsageError, match="at least one chunk"):
        LogMeanExp().value()


def test_bound_rises_with_k_towards_the_log_likelihood():
    # p(z)=N(0,1), p(x|z)=N(z,1), q=N(0,1), x=1: log p(x) = log N(1; 0, 2).
    draw = torch.Generator().manual_seed(0)
    z = torch.randn(1000, 500, generator=draw, dtype=torch.float64)
    log_w = -((1 - z) ** 2) / 2 - math.log(2 * math.pi) / 2
    truth = -1 / 4 - math.log(4 * math.pi) / 2
    bounds = [importance_bound(log_w[:k]).mean().item() for k in (1, 10, 100, 1000)]
    assert bounds == sorted(bounds)
    assert bounds[-1] == pytest.approx(truth, abs=0.005)


def test_bits_per_dim():
    assert bits_per_dim(8 * 3 * math.log(2), 3) == pytest.approx(8)
    with pytest.raises(UsageError):
        bits_per_dim(1.0, 0)


def test_active_units_counts_moving_means():
    means = torch.tensor([[0.0, 1.0, 0.05], [0.0, -1.0, -0.05], [0.0, 0.0, 0.0]])
    assert active_mask(means).tolist() == [False, True, False]
    assert active_units(means) == 1
    assert active_units(means, threshold=0.001) == 2


def test_active_units_do_not_depend_on_the_scale_that_a_prior_has_learnt():
    """z and c z with the prior's density changed alike are one model."""
    generator = torch.Generator().manual_seed(0)
    means, prior = torch.randn(200, 4, generator=generator), torch.tensor([1.0, 1.0, 9.0, 20.0])
    plain = active_mask(means, prior_sd=prior)
    assert plain.tolist() == [True, True, True, False]
    for c in (1e-3, 0.05, 300.0):
        assert torch.equal(active_mask(c * means, prior_sd=c * prior), plain)
    assert active_units(1e-3 * means) == 0


def test_rate_per_dimension_averages_samples_and_examples():
    each = torch.arange(24.0).reshape(2, 3, 4)
    expected = each.mean((0, 1)).double()
    torch.testing.assert_close(rate_per_dimension(each), expected)
    maps = torch.rand(2, 3, 4, 5, 5)
    assert rate_per_dimension(maps, latent_ndim=3).shape == (4, 5, 5)
    with pytest.raises(ShapeError):
        rate_per_dimension(torch.rand(4))
