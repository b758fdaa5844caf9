"""Frechet distance, precision and recall, and memorisation against slow references."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from variata.errors import DataError, ShapeError, UsageError
from variata.metrics import frechet_distance, nearest_copies, prdc
from variata.metrics.distances import kth_neighbour


def slow_prdc(real: np.ndarray, fake: np.ndarray, k: int) -> tuple[float, ...]:
    """The definitions, point by point."""

    def gap(a, b):
        return float(((a - b) ** 2).sum())

    def reach(x):
        return [sorted(gap(a, b) for b in x)[k] for a in x]

    def balls(centres, points):
        radii = zip(centres, reach(centres), strict=True)
        return np.array([[gap(c, p) <= r for p in points] for c, r in radii])

    inside, back = balls(real, fake), balls(fake, real)
    density = inside.sum() / k / len(fake)
    return inside.any(0).mean(), back.any(0).mean(), density, inside.any(1).mean()


@pytest.mark.parametrize("shift", [0.0, 1.0, 50.0])
def test_prdc_equals_the_definitions(shift):
    draw = np.random.default_rng(0)
    real, fake = draw.normal(size=(40, 3)), draw.normal(size=(30, 3)) * 0.7 + shift
    got = prdc(real, fake, k=4, chunk=7)
    expected = slow_prdc(real, fake, 4)
    found = (got.precision, got.recall, got.density, got.coverage)
    assert found == pytest.approx(expected)
    if shift == 50.0:
        assert found == (0, 0, 0, 0)


def test_prdc_by_hand():
    # Data 0, 1, 5 reach 1, 1, 4; samples 0.5, 100, 101 reach 99.5, 1, 1.
    got = prdc([[0.0], [1.0], [5.0]], [[0.5], [100.0], [101.0]], k=1)
    assert got.precision == pytest.approx(1 / 3)
    assert got.recall == 1.0
    assert got.density == pytest.approx(2 / 3)
    assert got.coverage == pytest.approx(2 / 3)


def test_one_repeated_sample_is_precise_but_covers_little():
    real = np.random.default_rng(0).normal(size=(200, 2))
    got = prdc(real, np.zeros((50, 2)) + real[0], k=5)
    assert got.precision == 1.0
    assert got.recall < 0.05
    assert got.coverage < 0.2


@pytest.mark.parametrize("k", [0, 3])
def test_prdc_refuses_k_out_of_range(k):
    with pytest.raises(UsageError, match="from 1 to 2"):
        prdc(np.zeros((3, 1)), np.zeros((9, 1)), k=k)


def test_kth_neighbour_in_chunks():
    x = torch.randn(23, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = torch.cdist(x, x).sort(1).values[:, 3] ** 2
    torch.testing.assert_close(kth_neighbour(x, 3, chunk=5), expected)


def test_frechet_of_diagonal_gaussians():
    # Columns +-1 and +-3 with unbiased variances 4/3 and 12: |3|^2 + (sqrt(12)-sqrt(4/3))^2.
    x = np.array([[-1.0], [1.0], [-1.0], [1.0]])
    shrink = np.sqrt(12) - np.sqrt(4 / 3)
    assert frechet_distance(x, 3 * x + 3) == pytest.approx(9 + shrink**2)


def test_frechet_against_the_general_matrix_root():
    draw = np.random.default_rng(0)
    a, b = draw.normal(size=(60, 5)), draw.normal(size=(70, 5)) @ draw.normal(size=(5, 5)) + 0.3
    left, right = np.cov(a.T), np.cov(b.T)
    root = np.sqrt(np.linalg.eigvals(left @ right).astype(complex)).real.sum()
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(left + right) - 2 * root
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)


def test_frechet_of_a_set_with_itself_is_zero_even_when_singular():
    x = np.random.default_rng(0).normal(size=(10, 40))
    assert frechet_distance(x, x) == pytest.approx(0.0, abs=1e-10)


def test_frechet_refuses_what_it_cannot_compare():
    with pytest.raises(ShapeError, match="equally many"):
        frechet_distance(np.zeros((3, 2)), np.zeros((3, 4)))
    with pytest.raises(DataError, match="row 1, column 0"):
        frechet_distance(np.array([[0.0], [np.nan]]), np.zeros((3, 1)))
    with pytest.raises(DataError, match="at least 2"):
        frechet_distance(np.zeros((1, 2)), np.zeros((3, 2)))


def test_copies_are_told_from_fresh_draws():
    draw = np.random.default_rng(0)
    train, test = draw.normal(size=(400, 4)), draw.normal(size=(300, 4))
    fresh = nearest_copies(draw.normal(size=(300, 4)), train, test)
    assert fresh.ratio == pytest.approx(1.0, abs=0.1)
    assert fresh.nearer_train.mean == pytest.approx(0.5, abs=0.1)
    assert fresh.exact == 0
    picks = draw.permutation(400)[:100]
    copied = nearest_copies(train[picks], train, test)
    assert copied.ratio < 0.5
    assert copied.exact == 1.0
    assert copied.index.tolist() == picks.tolist()


def test_a_larger_training_set_alone_is_no_memorisation():
    draw = np.random.default_rng(0)
    many, few, fresh = (draw.normal(size=(n, 2)) for n in (5000, 200, 500))
    assert nearest_copies(fresh, many, few).ratio == pytest.approx(1.0, abs=0.15)


def test_copies_of_any_training_row_are_close() -> None:
    """Also where there are far more of these than test rows."""
    generator = torch.Generator().manual_seed(0)
    train = torch.randn(5_000, 8, generator=generator)
    test = torch.randn(200, 8, generator=generator)
    copied = nearest_copies(train[-200:], train, test)
    assert (copied.closer.mean, copied.exact) == (1.0, 1.0)
    fair = nearest_copies(torch.randn(200, 8, generator=generator), train, test)
    assert fair.closer.mean == pytest.approx(0.5, abs=4 * fair.closer.se)
    away = nearest_copies(3 * torch.randn(200, 8, generator=generator), train, test)
    assert away.closer.mean < 0.2
