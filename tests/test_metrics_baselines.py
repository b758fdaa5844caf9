"""Baselines against hand computation, and features that can be kept."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from variata.errors import DataError, ShapeError, StoreError, UsageError
from variata.metrics import (
    FactorisedBaseline,
    Features,
    PCABaseline,
    mean_predictor,
    rms_error,
    train_features,
)
from variata.metrics.linear import principal_axes


def test_bernoulli_by_hand():
    baseline = FactorisedBaseline("binary").fit([[1, 0], [1, 0], [0, 0]])
    expected = -math.log(3 / 5) - math.log(1 / 5)
    assert baseline.score([[1, 1]]).mean == pytest.approx(expected)
    assert baseline.bits_per_dim([[1, 1]]).mean == pytest.approx(expected / 2 / math.log(2))


@pytest.mark.parametrize(
    ("kind", "levels", "codes"),
    [
        ("binary", None, [0, 1]),
        ("levels", 5, range(5)),
        ("category", 3, range(3)),
        ("count", None, range(2000)),
    ],
)
def test_probabilities_sum_to_one(kind, levels, codes):
    draw = np.random.default_rng(0)
    train = draw.integers(0, levels or 2, size=(50, 1))
    baseline = FactorisedBaseline(kind, levels).fit(train)
    nats = baseline.nats(np.array(list(codes))[:, None])
    assert (-nats).exp().sum().item() == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("column", [[0, 0, 0], [2, 2, 2], [0, 0, 30], [1, 2, 9]])
def test_counts_sum_to_one_with_and_without_excess_variance(column):
    baseline = FactorisedBaseline("count").fit(np.array(column)[:, None])
    nats = baseline.nats(np.arange(5000)[:, None])
    assert (-nats).exp().sum().item() == pytest.approx(1.0, abs=1e-3)


def test_spread_counts_prefer_the_negative_binomial():
    draw = np.random.default_rng(0)
    counts = draw.negative_binomial(2, 0.1, size=(2000, 1))
    score = FactorisedBaseline("count").fit(counts[:1000]).score(counts[1000:]).mean
    rate = counts[:1000].mean()
    poisson = np.mean([rate - n * math.log(rate) + math.lgamma(n + 1) for n in counts[1000:, 0]])
    assert score < poisson - 1


def test_histogram_gives_unseen_levels_room():
    baseline = FactorisedBaseline("levels", levels=4).fit([[0, 3], [0, 3]])
    assert torch.isfinite(baseline.nats([[1, 1]])).all()
    assert baseline.score([[0, 3]]).mean < baseline.score([[3, 0]]).mean


def test_gaussian_by_hand_with_floor():
    baseline = FactorisedBaseline("real", floor=[0.1, 0.5]).fit([[-1.0, 7.0], [1.0, 7.0]])
    log2pi = math.log(2 * math.pi)
    expected = 0.5 + log2pi / 2 + math.log(0.5) + log2pi / 2
    assert baseline.score([[1.0, 7.0]]).mean == pytest.approx(expected)


def test_images_are_taken_as_they_are():
    images = np.random.default_rng(0).integers(0, 2, size=(20, 1, 4, 4))
    assert FactorisedBaseline("binary").fit(images).nats(images).shape == (20,)


def test_baseline_errors_name_the_cause():
    with pytest.raises(UsageError, match="Did you mean 'binary'"):
        FactorisedBaseline("binray")
    with pytest.raises(UsageError, match="levels"):
        FactorisedBaseline("levels")
    with pytest.raises(UsageError, match="fit"):
        FactorisedBaseline("binary").score([[0]])
    with pytest.raises(DataError, match="row 1, column 0"):
        FactorisedBaseline("binary").fit([[0], [2]])
    with pytest.raises(ShapeError):
        FactorisedBaseline("binary").fit([[0], [1]]).score([[0, 1]])


def test_rms_error_and_mean_predictor():
    got = rms_error([[0.0, 0.0], [0.0, 0.0]], [[1.0, 1.0], [3.0, 3.0]])
    assert got.mean == pytest.approx(math.sqrt(5))
    assert got.se == pytest.approx(4 / (2 * math.sqrt(5)))
    assert mean_predictor([[0.0], [4.0]], [[5.0]]).mean == 3.0


def test_pca_is_optimal_and_complete():
    draw = np.random.default_rng(0)
    x = draw.normal(size=(50, 6)) @ draw.normal(size=(6, 6)) + 4
    errors = [PCABaseline(n).fit(x).error(x).mean for n in range(1, 7)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] == pytest.approx(0, abs=1e-6)
    singular = np.linalg.svd(x - x.mean(0), compute_uv=False)
    assert errors[1] == pytest.approx(math.sqrt((singular[2:] ** 2).sum() / x.size))


def test_pca_of_few_wide_rows():
    x = np.random.default_rng(0).normal(size=(5, 30))
    assert PCABaseline(30).fit(x).error(x).mean == pytest.approx(0, abs=1e-6)


def test_randomised_axes_span_the_exact_ones(monkeypatch):
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(80, 60, generator=draw, dtype=torch.float64) * 0.7 ** torch.arange(60)
    exact = principal_axes(x - x.mean(0), 4)
    monkeypatch.setattr("variata.metrics.linear.EXACT", 20)
    found = principal_axes(x - x.mean(0), 4)
    torch.testing.assert_close(torch.linalg.svdvals(exact.T @ found), torch.ones(4).double())


def two_bars(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Noisy images with a bright row (0) or a bright column (1)."""
    draw = torch.Generator().manual_seed(0)
    x, y = torch.rand(count, 1, 6, 6, generator=draw) * 0.3, torch.arange(count) % 2
    x[y == 0, :, 2, :] = 1.0
    x[y == 1, :, :, 2] = 1.0
    return x, y


def test_features_learn_the_labels_and_are_repeatable(tmp_path):
    x, y = two_bars(256)
    state = torch.get_rng_state()
    features = train_features(x, y, name="bars", epochs=3)
    assert torch.equal(state, torch.get_rng_state())
    assert (features.net(x).argmax(1) == y).float().mean() > 0.95
    assert torch.equal(features(x), train_features(x, y, name="bars", epochs=3)(x))
    features.save(tmp_path / "bars.safetensors")
    kept = Features.load(tmp_path / "bars.safetensors")
    assert kept.title == "Frechet distance in the features of bars"
    assert torch.equal(kept(x), features(x))
    assert kept.frechet_distance(x[y == 0], x[y == 1]) > kept.frechet_distance(x[::3], x[1::3])


def test_features_without_labels():
    x, _ = two_bars(100)
    features = train_features(x, epochs=1)
    assert features(x).shape == (100, 128)
    with pytest.raises(ShapeError, match="expected examples of shape"):
        features(torch.zeros(2, 1, 5, 5))


def test_features_of_vectors_are_white(tmp_path):
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(200, 5, generator=draw) @ torch.randn(5, 5, generator=draw)
    x[:, 0] = 3.0
    features = train_features(x)
    features.save(tmp_path / "table.safetensors")
    z = Features.load(tmp_path / "table.safetensors")(x)
    torch.testing.assert_close(z.T.cov(), torch.eye(4), atol=1e-3, rtol=0)


def test_damaged_features_are_refused(tmp_path):
    (tmp_path / "no.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(StoreError, match="cannot be read"):
        Features.load(tmp_path / "no.safetensors")
    with pytest.raises(StoreError):
        Features.load(tmp_path / "missing.safetensors")
