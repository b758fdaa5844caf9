"""Densities over the data that are fitted at once, to compare others with."""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, LowRankMultivariateNormal

from variata.distributions import (
    Categorical,
    Cells,
    Dequantised,
    Gaussian,
    GaussianKernels,
    Graded,
    NegativeBinomial,
    Repeated,
    Reshaped,
    SwitchingKernels,
)
from variata.shapes import Shape, numel

POISSON = 20.0  # the logarithm of a dispersion that is as good as none
WIDTHS = [i / 4 for i in range(-32, 9)]  # that are tried: logarithms, or logits of chances
NARROW = 0.1  # of the standard deviation of all elements: the least of one
TINY = 1e-6
SURE = 1e-6  # of the mean, that a variance must exceed it by


class Histograms(nn.Module):
    """Independent elements of few values, each with a probability of its own: exact.

    P(x_d = v) = (n_dv + L g_v) / (N + L) over L values, g the histogram of all elements.

    Args:
        shape: X. values: L. graded: whether values are levels in [0, 1], or else classes.
    """

    density: Literal["exact"] = "exact"

    def __init__(self, shape: Shape, values: int, graded: bool) -> None:
        super().__init__()
        self.shape, self.graded = shape, graded
        self.raw_shape = (values, *shape)
        self.logits = nn.Parameter(torch.zeros(*shape, values))

    def forward(self, h: Tensor) -> Repeated:
        made = Graded if self.graded else Categorical
        return Repeated(made(self.logits, len(self.shape)), h.shape[:2])

    @torch.no_grad()
    def take(self, x: Tensor, valid: Tensor) -> None:
        """Fit to rows x (N, *X)."""
        values, size = self.logits.shape[-1], numel(self.shape)
        codes = (x * (values - 1) if self.graded else x).round().long().flatten(1)
        counts = torch.zeros(size * values, dtype=torch.float64)
        for some in codes.split(1_000):
            places = torch.arange(size) * values + some
            counts += torch.bincount(places.flatten(), minlength=size * values)
        counts = counts.view(size, values)
        pooled = counts.sum(0) + 1
        smoothed = counts + values * pooled / pooled.sum()
        self.logits.copy_((smoothed / (len(x) + values)).log().view(self.logits.shape))


class Moments(nn.Module):
    """Independent elements by their moments: Gaussian, or negative binomial for counts; exact.

    Args:
        shape: X. counts: whether values are counts. floor: of the scale of real values.
    """

    density: Literal["exact"] = "exact"
    floor: Tensor

    def __init__(self, shape: Shape, counts: bool, floor: Any) -> None:
        super().__init__()
        self.counts, self.raw_shape = counts, (1, *shape)
        self.mean = nn.Parameter(torch.zeros(shape))  # of counts, its logarithm
        self.log_spread = nn.Parameter(torch.zeros(shape))  # scale, or dispersion
        self.register_buffer("floor", torch.as_tensor(floor), persistent=False)

    def forward(self, h: Tensor) -> Repeated:
        dims = self.mean.dim()
        made = (
            NegativeBinomial(self.mean, self.log_spread, dims)
            if self.counts
            else Gaussian(self.mean, self.log_spread.exp(), dims)
        )
        return Repeated(made, h.shape[:2])

    @torch.no_grad()
    def take(self, x: Tensor, valid: Tensor) -> None:
        """Fit to rows x (N, *X)."""
        if not self.counts:
            self.mean.copy_(x.mean(0))
            scale = x.std(0, unbiased=False)
            self.log_spread.copy_(torch.maximum(scale, self.floor.to(scale)).log())
            return
        mean = (x.sum(0) + 0.5) / (len(x) + 1)
        excess = x.var(0) - mean
        dispersion = (mean.square() / excess.clamp_min(1e-30)).log().clamp_max(POISSON)
        self.mean.copy_(mean.log())
        many = excess > SURE * mean
        self.log_spread.copy_(torch.where(many, dispersion, torch.full_like(mean, POISSON)))


class PCAGaussian(nn.Module):
    """N(mean, W W' + diag(noise^2)) over values within their cells: a bound.

    Args:
        shape: X, of L elements. components: columns of W. cells: of the data.

    Reference:
        Probabilistic Principal Component Analysis (Tipping and Bishop, 1999)
    """

    density: Literal["bound"] = "bound"

    def __init__(self, shape: Shape, components: int, cells: Cells) -> None:
        super().__init__()
        size = numel(shape)
        self.shape, self.cells, self.raw_shape = shape, cells, (1, *shape)
        self.mean = nn.Parameter(torch.zeros(size))
        self.loadings = nn.Parameter(torch.eye(size, components))
        self.log_noise = nn.Parameter(torch.zeros(size))

    def forward(self, h: Tensor) -> Dequantised:
        return Dequantised(lambda _: self.gaussian(), h, self.shape, self.cells)

    def gaussian(self) -> LowRankMultivariateNormal:
        """Over (L,), in double precision, since noise may be tiny beside the rest."""
        mean, loadings = self.mean.double(), self.loadings.double()
        noise = (2 * self.log_noise.double()).exp()
        return LowRankMultivariateNormal(mean, loadings, noise, validate_args=False)

    @torch.no_grad()
    def take(self, mean: Tensor, loadings: Tensor, noise: Tensor) -> None:
        """Take over what was fitted: (L,), (L, components) and (L,)."""
        self.mean.copy_(mean)
        self.loadings.copy_(loadings)
        self.log_noise.copy_(noise.log())


class KernelDensity(nn.Module):
    """A mixture of kernels around rows of the data, of the width that suits other rows best.

    Args:
        shape: X, of L elements. rows: that are kept, at most. cells: of the data; None for classes.
        classes: C; 0 for values on a line.

    Attributes:
        density: "exact" for classes, "bound" for values within their cells.
    """

    rows: Tensor
    log_weights: Tensor
    scale: Tensor

    def __init__(self, shape: Shape, rows: int, cells: Cells | None, classes: int) -> None:
        super().__init__()
        self.shape, self.cells, self.classes = shape, cells, classes
        self.raw_shape = (1, *shape)
        self.density: Literal["exact", "bound"] = "exact" if cells is None else "bound"
        self.register_buffer("rows", torch.zeros(rows, numel(shape)))
        self.register_buffer("log_weights", torch.full((rows,), -math.log(rows)))
        self.register_buffer("scale", torch.ones(numel(shape)))
        self.raw_width = nn.Parameter(torch.zeros(()))

    def forward(self, h: Tensor) -> Distribution:
        if self.cells is None:
            return Repeated(Reshaped(self.kernels(), self.shape), h.shape[:2])
        return Dequantised(lambda _: self.kernels(), h, self.shape, self.cells)

    def kernels(self) -> Any:
        """The mixture over (L,)."""
        if self.classes:
            chance = self.raw_width.sigmoid()
            return SwitchingKernels(self.rows, self.log_weights, self.classes, chance)
        return GaussianKernels(self.rows, self.log_weights, self.scale, self.raw_width.exp())

    @torch.no_grad()
    def take(self, x: Tensor, valid: Tensor) -> None:
        """Keep rows x (N, *X), and the width under which other rows are most likely."""
        kept, judging = x[: len(self.rows)].flatten(1), valid
        if self.cells is not None:  # the same noise for all widths
            judging = self.cells.moved(valid, torch.rand_like(valid))
        self.rows[: len(kept)] = kept
        self.log_weights.fill_(-math.inf)[: len(kept)] = -math.log(len(kept))
        self.scale.copy_(kept.std(0, unbiased=False).clamp_min(NARROW * kept.std()).clamp_min(TINY))
        likely = []
        for width in WIDTHS:
            self.raw_width.fill_(width)
            likely.append(float(self.kernels().log_prob(judging.flatten(1)).mean()))
        self.raw_width.fill_(WIDTHS[max(range(len(likely)), key=likely.__getitem__)])
