"""Maximum mean discrepancy between the aggregate posterior and the prior."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from variata.models import LatentModel, Trace
from variata.objectives.kernels import KERNELS, Kernel
from variata.schedules import Moment
from variata.shapes import draw, numel


@dataclass(frozen=True)
class MMD:
    """The squared MMD between q(z) and p(z), (K, B), the same for all rows; without unit.

    E k(z, z') + E k(p, p') - 2 E k(z, p) over pairs of the B latents at hand and as many draws of
    the prior: the unbiased U-statistic, so zero on average where q(z) = p(z), and then often
    slightly negative. Kernels lie between 0 and 1 and have seven widths, of which the middle one is
    2 Z, the mean squared distance of two draws of N(0, I).

    It needs latents alone: posteriors may be points. A row on its own has no pairs, and gives 0.
    Where a batch is divided over processes or taken in pieces, pairs are those within each piece,
    and the mean of the pieces' estimates is still unbiased.

    Attributes:
        kernel: "imq", inverse multiquadrics, or "rbf", Gaussians.

    Reference:
        A Kernel Two-Sample Test (Gretton et al., 2012); Wasserstein Auto-Encoders (Tolstikhin et
        al., 2017), arXiv:1711.01558
    """

    kernel: str = "imq"

    def __call__(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        stage = trace.stages[0]
        k, rows, *latent = stage.z.shape
        z, drawn = stage.z.flatten(2), draw(stage.p, k, rows).flatten(2)
        square = unbiased_mmd(z, drawn, KERNELS[self.kernel], 2.0 * numel(latent))
        return square[:, None].expand(k, rows)


def unbiased_mmd(a: Tensor, b: Tensor, kernel: Kernel, base: float) -> Tensor:
    """The squared MMD of two samples (K, B, Z), (K,); 0 for a single row.

    >>> unbiased_mmd(torch.zeros(1, 5, 2), torch.full((1, 5, 2), 9.0), KERNELS["rbf"], 0.1)
    tensor([2.])
    """
    if a.shape[-2] < 2:
        return a.new_zeros(len(a))
    across = kernel(squared_distances(a, b), base).mean((-2, -1))
    return _within(a, kernel, base) + _within(b, kernel, base) - 2 * across


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """|a_i - b_j|^2, (K, A, B), not expanded into products: those may be in short numbers."""
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist").square()


def _within(sample: Tensor, kernel: Kernel, base: float) -> Tensor:
    """The mean over pairs of different rows, (K,)."""
    rows = sample.shape[-2]
    pairs = kernel(squared_distances(sample, sample), base)
    both = pairs.sum((-2, -1)) - pairs.diagonal(dim1=-2, dim2=-1).sum(-1)
    return both / (rows * (rows - 1))
