"""Baselines that are fitted at once, against the formulas they stand for."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from variata import fit, load, recipes
from variata.batch import Batch
from variata.conditionals import Histograms, KernelDensity, Moments
from variata.conditionals.baselines import WIDTHS
from variata.distributions import Cells, GaussianKernels, SwitchingKernels
from variata.errors import UsageError
from variata.metrics.marginals import CountMarginals, GaussianMarginals, HistogramMarginals
from variata.models.start import fit_ppca

BASELINES = ("independent", "kernel_density", "pca_gaussian")


def scored(density: torch.nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        return density(x.new_zeros(1, len(x), 0)).log_prob(x)[0]


def test_histograms_are_those_of_the_baseline_of_evaluations() -> None:
    generator = torch.Generator().manual_seed(0)
    codes = torch.randint(0, 4, (50, 6), generator=generator) * (torch.arange(6) > 0)
    levels, density = 5, Histograms((1, 2, 3), 5, graded=True)
    density.take((codes / (levels - 1)).view(50, 1, 2, 3), torch.empty(0))
    wanted = HistogramMarginals(codes.double(), levels).log_prob_each(codes.double()).sum(-1)
    x = (codes / (levels - 1)).view(50, 1, 2, 3)
    torch.testing.assert_close(scored(density, x).double(), wanted, rtol=1e-5, atol=1e-5)


def test_moments_are_those_of_the_baseline_of_evaluations() -> None:
    torch.manual_seed(0)
    real = torch.randn(40, 3) * torch.tensor([1.0, 5.0, 0.0])
    floor = torch.full((3,), 0.1)
    density = Moments((3,), counts=False, floor=floor)
    density.take(real, torch.empty(0))
    wanted = GaussianMarginals(real.double(), floor.double()).log_prob_each(real.double()).sum(-1)
    torch.testing.assert_close(scored(density, real).double(), wanted, rtol=1e-4, atol=1e-4)
    counts = torch.poisson(torch.rand(60, 4) * torch.tensor([0.0, 1.0, 5.0, 50.0]))
    density = Moments((4,), counts=True, floor=0.1)
    density.take(counts, torch.empty(0))
    wanted = CountMarginals(counts.double()).log_prob_each(counts.double()).sum(-1)
    torch.testing.assert_close(scored(density, counts).double(), wanted, rtol=1e-3, atol=1e-3)


def test_a_kernel_density_is_its_formula() -> None:
    torch.manual_seed(0)
    rows, x = torch.randn(7, 3).double(), torch.randn(4, 3).double()
    scale, weights = torch.tensor([1.0, 2.0, 0.5]).double(), torch.full((7,), -math.log(7)).double()
    p = GaussianKernels(rows, weights, scale, torch.tensor(0.7).double())
    apart = (x[:, None] - rows) / (0.7 * scale)
    each = -apart.square() / 2 - (0.7 * scale).log() - math.log(2 * math.pi) / 2
    wanted = each.sum(-1).exp().mean(-1).log()
    torch.testing.assert_close(p.log_prob(x), wanted)


def test_kernels_far_from_zero_keep_their_digits() -> None:
    torch.manual_seed(0)
    rows, x = torch.randn(40, 3) + 1e4, torch.randn(30, 3) + 1e4
    weights, one = torch.full((40,), -math.log(40)), torch.ones(())
    found = GaussianKernels(rows, weights, torch.full((3,), 0.5), one).log_prob(x)
    each = torch.distributions.Normal(rows.double(), 0.5).log_prob(x[:, None].double()).sum(-1)
    wanted = (each + weights).logsumexp(-1)
    torch.testing.assert_close(found.double(), wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("classes", [2, 3])
def test_kernels_of_classes_sum_to_one_and_draw_what_they_say(classes: int) -> None:
    torch.manual_seed(0)
    rows = torch.randint(0, classes, (4, 3)).double()
    weights = torch.tensor([0.1, 0.2, 0.7, 0.0]).double().log()
    p = SwitchingKernels(rows, weights, classes, torch.tensor(0.2).double())
    x = torch.tensor(list(itertools.product(range(classes), repeat=3))).double()
    found = p.log_prob(x).exp()
    assert found.sum().item() == pytest.approx(1)
    same = (x[:, None] == rows).double()
    each = (0.8 * same + 0.2 / (classes - 1) * (1 - same)).prod(-1)
    torch.testing.assert_close(found, each @ weights.exp())
    drawn = p.sample(torch.Size([20_000])).long() @ (classes ** torch.arange(2, -1, -1))
    shares = torch.bincount(drawn, minlength=len(x)) / 20_000
    assert (shares - found).abs().max() < 5 * (0.25 / 20_000) ** 0.5


def test_the_bandwidth_is_the_best_of_those_tried_and_rows_may_be_few() -> None:
    torch.manual_seed(0)
    x, valid = torch.randn(30, 2), torch.randn(50, 2)
    density = KernelDensity((2,), 40, Cells(1e-6, discrete=False), 0)
    density.take(x, valid)
    kept = density.raw_width.item()
    best = float(scored(density, valid).mean())
    for width in WIDTHS:
        with torch.no_grad():
            density.raw_width.fill_(width)
        assert float(scored(density, valid).mean()) <= best
    assert min(WIDTHS) < kept < max(WIDTHS)
    assert density.log_weights.exp().sum().item() == pytest.approx(1)


def test_a_gaussian_by_pca_has_the_covariance_of_the_data_where_it_keeps_all_axes() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(2_000, 4)) @ random.normal(size=(4, 4)) + [1.0, 2.0, 3.0, 4.0]
    model = fit(x, "pca_gaussian", axes=4)
    seen = model.examples(x).gather(torch.arange(len(x))).x.double()
    gaussian = model.module.decoder.gaussian()  # type: ignore[operator]
    learnt = seen.T.cov()
    torch.testing.assert_close(gaussian.covariance_matrix, learnt, rtol=0.2, atol=0.1)
    whole = MultivariateNormal(gaussian.mean, gaussian.covariance_matrix)
    rounding = 0.05  # nats, of noise within cells
    ours = -model.module.observe(Batch(seen.float(), seen.float())).distortion()[0]
    assert (ours.double() - whole.log_prob(seen)).abs().mean() < rounding


def test_loadings_are_those_of_probabilistic_pca() -> None:
    torch.manual_seed(0)
    x = torch.randn(500, 6).double() @ torch.randn(6, 6).double()
    found = fit_ppca(x, 2)
    values, vectors = torch.linalg.eigh((x - x.mean(0)).T @ (x - x.mean(0)) / len(x))
    left = values[:4].mean()
    wanted = vectors[:, 4:] * (values[4:] - left).sqrt()
    both = found.loadings @ found.loadings.T
    torch.testing.assert_close(both, wanted @ wanted.T, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", BASELINES)
def test_baselines_are_fitted_at_once_saved_and_loaded(name: str, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x = (random.random((200, 6, 6)) * 17).astype(int)
    model = fit(x, name, out=tmp_path / "run")
    assert len(model.history) == 1
    assert model.saved.about["training"]["steps"] == 0
    again, loaded = fit(x, name), load(tmp_path / "run")
    for key, value in model.module.state_dict().items():
        assert torch.equal(value, again.module.state_dict()[key]), key
        assert torch.equal(value, loaded.module.state_dict()[key]), key
    assert np.array_equal(model.score(x[:9]), loaded.score(x[:9]))
    drawn = loaded.sample(5, seed=1)
    assert drawn.shape == (5, 6, 6)
    assert drawn.min() >= 0
    assert drawn.max() <= 16
    valid = model.history[0]["valid"]["distortion"]
    assert valid == pytest.approx(model.history[0]["criterion"])


@pytest.mark.parametrize("name", BASELINES)
def test_baselines_refuse_a_condition(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} knows nothing of a condition"):
        recipes.build(name, shape=(4,), context=2)
