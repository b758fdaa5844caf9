"""Mutual information, marginal KL and MMD on posteriors whose answers are known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal

from variata.errors import DataError, ShapeError
from variata.metrics import aggregate_gap, mmd_imq, mutual_information
from variata.metrics.mixture import Posteriors


def matched(count: int, noise: float) -> tuple[Tensor, Tensor]:
    """Posteriors whose aggregate is N(0, 1): I = -log(noise), marginal KL = 0."""
    grid = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    means = Normal(0.0, math.sqrt(1 - noise**2)).icdf(grid)[:, None]
    return means, torch.full_like(means, noise)


def test_mixture_equals_the_direct_sum():
    draw = torch.Generator().manual_seed(0)
    means, z = torch.randn(2, 40, 3, generator=draw, dtype=torch.float64)
    scales = torch.rand(40, 3, generator=draw, dtype=torch.float64) + 0.05
    each = Normal(means, scales).log_prob(z[:, None]).sum(-1)
    expected = each.logsumexp(1) - math.log(40)
    torch.testing.assert_close(Posteriors(means, scales).mixture_log_prob(z, chunk=7), expected)


def test_known_information_and_matched_aggregate():
    told = mutual_information(*matched(2000, 0.2), samples=2)
    assert told.mutual_information.mean == pytest.approx(-math.log(0.2), abs=0.05)
    assert told.marginal_kl.mean == pytest.approx(0.0, abs=0.05)
    assert told.rate.mean == pytest.approx(-math.log(0.2), abs=0.01)
    assert not told.saturated


def test_parts_add_up_to_the_rate():
    draw = torch.Generator().manual_seed(1)
    told = mutual_information(torch.randn(300, 2, generator=draw), torch.full((300, 2), 0.3))
    total = told.mutual_information.mean + told.marginal_kl.mean
    assert total == pytest.approx(told.rate.mean, abs=1e-9)


def test_collapsed_posteriors_carry_nothing():
    told = mutual_information(torch.zeros(100, 4), torch.ones(100, 4))
    assert told.mutual_information.mean == pytest.approx(0, abs=1e-9)
    assert told.marginal_kl.mean == pytest.approx(0, abs=1e-9)


def test_shifted_collapse_is_all_marginal_kl():
    told = mutual_information(torch.full((100, 2), 3.0), torch.ones(100, 2))
    assert told.marginal_kl.mean == pytest.approx(9.0)


def test_information_stops_at_log_n():
    draw = torch.Generator().manual_seed(2)
    told = mutual_information(1e3 * torch.randn(64, 8, generator=draw), torch.full((64, 8), 1e-3))
    assert told.mutual_information.mean == pytest.approx(math.log(64))
    assert told.mutual_information.mean <= told.ceiling + 1e-12
    assert told.saturated


def test_same_seed_same_answer_and_the_global_generator_rests():
    before = torch.get_rng_state()
    first = mutual_information(*matched(200, 0.5), seed=3)
    assert first == mutual_information(*matched(200, 0.5), seed=3)
    assert first != mutual_information(*matched(200, 0.5), seed=4)
    assert torch.equal(before, torch.get_rng_state())


def test_limit_lowers_the_ceiling():
    assert mutual_information(*matched(500, 0.5), limit=100).ceiling == pytest.approx(math.log(100))


def test_unusable_posteriors_are_refused():
    with pytest.raises(ShapeError, match="one shape"):
        mutual_information(torch.zeros(3, 2), torch.ones(3, 1))
    with pytest.raises(DataError, match="positive"):
        mutual_information(torch.zeros(3, 2), torch.zeros(3, 2))


def test_gap_names_the_worst_dimension():
    draw = torch.Generator().manual_seed(0)
    means = torch.randn(1000, 3, generator=draw) * torch.tensor([0.8, 0.8, 3.0])
    means[:, 1] += 1.0
    gap = aggregate_gap(means, torch.full((1000, 3), 0.6))
    assert gap.worst(2) == (2, 1)
    torch.testing.assert_close(
        gap.sd, torch.tensor([1.0, 1.0, math.hypot(3, 0.6)]).double(), atol=0.1, rtol=0
    )
    assert gap.mean[1].item() == pytest.approx(1.0, abs=0.1)
    assert gap.mmd > 0.01


def test_mmd_equals_the_double_loop():
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(7, 2, generator=draw, dtype=torch.float64)
    y = torch.randn(5, 2, generator=draw, dtype=torch.float64) + 0.5

    def kernel(a: Tensor, b: Tensor) -> float:
        square = float(((a - b) ** 2).sum())
        scales = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
        return sum(4 * s / (4 * s + square) for s in scales) / 7

    def within(rows: Tensor) -> float:
        pairs = [(i, j) for i in range(len(rows)) for j in range(len(rows)) if i != j]
        return sum(kernel(rows[i], rows[j]) for i, j in pairs) / len(pairs)

    across = sum(kernel(a, b) for a in x for b in y) / 35
    assert mmd_imq(x, y) == pytest.approx(within(x) + within(y) - 2 * across, abs=1e-12)


def test_mmd_is_unbiased_under_equality():
    draw = torch.Generator().manual_seed(0)
    values = torch.tensor([mmd_imq(*torch.randn(2, 20, 2, generator=draw)) for _ in range(300)])
    assert abs(values.mean()) < 4 * values.std() / math.sqrt(300)
    assert (values < 0).any()
