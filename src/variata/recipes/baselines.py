"""Baselines that are fitted at once: what any model should beat."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from variata.conditionals import Histograms, KernelDensity, Moments, PCAGaussian
from variata.errors import UsageError
from variata.models import LatentModel
from variata.models.start import fit_ppca
from variata.recipes.catalogue import Composition, Preparation, Prepare, recipe
from variata.recipes.densities import cells_of, fitted_by_likelihood
from variata.recipes.parts import Parts, Positive
from variata.shapes import numel
from variata.training.validation import some_rows

ROWS, NUMBERS = 50_000, 200_000_000  # that a baseline is fitted to, at most
VALID, AT_ONCE = 1_000, 1_000


@recipe
def independent(parts: Parts) -> Composition:
    """Independent elements: a histogram of each, or its moments, without anything in common.

    Binary values, levels and categories have a probability each, smoothed by that of the value in
    all elements; real values are Gaussian and counts negative binomial, by their moments. It is
    fitted at once, exactly, and its likelihood is exact. It serves to be compared with.

    Reference:
        The Elements of Statistical Learning (Hastie, Tibshirani and Friedman, 2009), chapter 6
    """
    _refuse_condition(parts, "independent")
    if parts.counts or parts.likelihood == "gaussian":
        return _at_once(Moments(parts.shape, parts.counts, parts.floor), _take)
    graded = "logistic" in parts.likelihood
    values = 2 if parts.likelihood == "bernoulli" else parts.levels or 2
    return _at_once(Histograms(parts.shape, values, graded), _take)


@recipe
def pca_gaussian(parts: Parts, axes: Positive = 40) -> Composition:
    """A Gaussian by PCA: N(mean, W W' + diag(noise^2)), over values moved within their cells.

    The loadings W are those of probabilistic PCA, and every element has the noise that is left of
    it. It is fitted at once. Of grey levels, binary values and counts its likelihood is a bound.

    Args:
        axes: columns of W; no more than there are elements.

    Reference:
        Probabilistic Principal Component Analysis (Tipping and Bishop, 1999)
    """
    _refuse_condition(parts, "pca_gaussian")
    count = min(axes, numel(parts.shape))
    return _at_once(PCAGaussian(parts.shape, count, cells_of(parts, "pca_gaussian")), _take_pca)


@recipe
def kernel_density(parts: Parts, rows: Positive = 5_000) -> Composition:
    """A kernel density: a mixture of as many components as rows are kept.

    Values on a line have Gaussian kernels, as wide in every element as it varies, times a
    bandwidth, over values moved within their cells; binary values and categories stay what they are
    with a probability. Bandwidth or probability are those under which the rows to choose by are
    most likely. The rows are a part of the model that is saved.

    Args:
        rows: of the data that are kept, at most.

    References:
        On Estimation of a Probability Density Function and Mode (Parzen, 1962)
        Multivariate Binary Discrimination by the Kernel Method (Aitchison and Aitken, 1976)
    """
    _refuse_condition(parts, "kernel_density")
    classes = {"bernoulli": 2, "categorical": parts.levels or 2}.get(parts.likelihood, 0)
    cells = None if classes else cells_of(parts, "kernel_density")
    return _at_once(KernelDensity(parts.shape, rows, cells, classes), _take)


def _at_once(density: nn.Module, prepare: Prepare) -> Composition:
    made = fitted_by_likelihood(density)
    return Composition(made.model, made.phases, prepare=prepare, prepare_share=1.0)


def _take(model: LatentModel, how: Preparation) -> None:
    model.decoder.take(*_rows(how))  # type: ignore[operator]


def _take_pca(model: LatentModel, how: Preparation) -> None:
    density: Any = model.decoder
    x, _ = _rows(how)
    y = density.cells.moved(x, torch.rand(x.shape)).flatten(1)
    found = fit_ppca(y, density.loadings.shape[1])
    density.take(found.mean, found.loadings, found.noise)


def _rows(how: Preparation) -> tuple[Tensor, Tensor]:
    """Some rows to fit to, and some to choose by."""
    size = how.train.gather(torch.tensor([0])).x.numel()
    pairs = ((how.train, min(ROWS, NUMBERS // size)), (how.valid, VALID))
    found = []
    for examples, limit in pairs:
        order = some_rows(len(examples), how.settings.seed, limit)
        order = order[torch.randperm(len(order), generator=torch.Generator().manual_seed(0))]
        found.append(torch.cat([examples.gather(i).x for i in order.split(AT_ONCE)]))
    return found[0], found[1]


def _refuse_condition(parts: Parts, name: str) -> None:
    if parts.context is not None:
        raise UsageError(
            f"{name} knows nothing of a condition: leave out --condition, or train vae."
        )
