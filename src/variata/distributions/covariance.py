"""Gaussians whose elements depend on each other."""

from __future__ import annotations

import torch
from torch import Size, Tensor

from variata.distributions.gaussian import HALF_LOG_2PI, StandardGaussian
from variata.distributions.kl import register_kl
from variata.distributions.of_noise import OfNoise


class FullGaussian(OfNoise):
    """N(mean, F F^T) with the Cholesky factor F = diag(scale) (I + lower).

    Args:
        mean: (B, L).
        scale: the factor's diagonal, positive, (B, L).
        lower: below the diagonal, in units of its rows' scales, and zero elsewhere, (B, L, L).

    >>> q = FullGaussian(torch.zeros(1, 2), torch.ones(1, 2), torch.tensor([[[0.0, 0], [2, 0]]]))
    >>> q.variance
    tensor([[1., 5.]])
    """

    def __init__(self, mean: Tensor, scale: Tensor, lower: Tensor) -> None:
        self.loc, self.scale, self.lower = mean, scale, lower
        super().__init__(mean)

    def make(self, normal: Tensor) -> tuple[Tensor, Tensor]:
        mixed = normal + _product(self.lower, normal)
        return torch.addcmul(self.loc, self.scale, mixed), self._log_density(normal)

    def density(self, value: Tensor) -> Tensor:
        mixed = ((value - self.loc) / self.scale).unsqueeze(-1)
        normal = torch.linalg.solve_triangular(self.lower, mixed, upper=False, unitriangular=True)
        return self._log_density(normal.squeeze(-1))

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return self.scale.square() * (1 + self.lower.square().sum(-1))

    def _log_density(self, normal: Tensor) -> Tensor:
        each = 0.5 * normal.square() + self.scale.log() + HALF_LOG_2PI
        return -each.sum(-1)


class LowRankGaussian(OfNoise):
    """N(mean, S (I + V V^T) S) with S = diag(scale): few directions along which elements move.

    Args:
        mean: (B, L).
        scale: positive, (B, L).
        across: V, (B, L, R).

    >>> q = LowRankGaussian(torch.zeros(1, 2), torch.ones(1, 2), torch.tensor([[[1.0], [2.0]]]))
    >>> q.variance, q.noise_shape
    (tensor([[2., 5.]]), torch.Size([3]))
    """

    def __init__(self, mean: Tensor, scale: Tensor, across: Tensor) -> None:
        self.loc, self.scale, self.across = mean, scale, across
        gram = (across.unsqueeze(-1) * across.unsqueeze(-2)).sum(-3)
        unit = torch.eye(across.shape[-1], dtype=across.dtype, device=across.device)
        self.pivots = eliminated(gram + unit)
        super().__init__(mean)

    @property
    def noise_shape(self) -> Size:
        return Size((sum(self.across.shape[-2:]),))

    def make(self, normal: Tensor) -> tuple[Tensor, Tensor]:
        own, common = normal.split(tuple(self.across.shape[-2:]), -1)
        mixed = own + _product(self.across, common)
        return torch.addcmul(self.loc, self.scale, mixed), self._log_density(mixed)

    def density(self, value: Tensor) -> Tensor:
        return self._log_density((value - self.loc) / self.scale)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return self.scale.square() * (1 + self.across.square().sum(-1))

    def log_det(self) -> Tensor:
        """log |I + V V^T|, (B,)."""
        return torch.stack([pivot.log() for pivot, _ in self.pivots], -1).sum(-1)

    def _log_density(self, mixed: Tensor) -> Tensor:
        square = mixed.square().sum(-1)
        rest = (self.across * mixed.unsqueeze(-1)).sum(-2)
        for i, (pivot, column) in enumerate(self.pivots):
            share = rest[..., i] / pivot
            square = square - share * rest[..., i]
            rest = rest - share.unsqueeze(-1) * column
        constant = (self.scale.log() + HALF_LOG_2PI).sum(-1) + 0.5 * self.log_det()
        return -0.5 * square - constant


def eliminated(matrix: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Pivots (B,) and columns (B, R) of the elimination of a positive matrix (B, R, R).

    The matrix is the sum over both of column column^T / pivot. By elements and not by torch.linalg,
    so that it compiles, and stays in full precision where matrix products are short.

    >>> [pivot.item() for pivot, _ in eliminated(torch.tensor([[[4.0, 2.0], [2.0, 3.0]]]))]
    [4.0, 2.0]
    """
    found: list[tuple[Tensor, Tensor]] = []
    for i in range(matrix.shape[-1]):
        column = matrix[..., i]
        pivot = column[..., i]
        scaled = column / pivot.unsqueeze(-1)
        matrix = matrix - column.unsqueeze(-1) * scaled.unsqueeze(-2)
        found.append((pivot, column))
    return found


@register_kl(FullGaussian, StandardGaussian)
def _full(q: FullGaussian, p: StandardGaussian) -> Tensor:
    """Of each element given those before it (the chain rule)."""
    return 0.5 * (q.variance + q.loc.square() - 1) - q.scale.log()


@register_kl(LowRankGaussian, StandardGaussian)
def _low_rank(q: LowRankGaussian, p: StandardGaussian) -> Tensor:
    """Of each element alone, and an equal part of what their dependence adds."""
    alone = 0.5 * (q.variance + q.loc.square() - 1 - q.variance.log())
    ratio = q.variance.log().sum(-1) - 2 * q.scale.log().sum(-1) - q.log_det()
    return alone + (0.5 * ratio / q.loc.shape[-1]).unsqueeze(-1)


def _product(matrix: Tensor, vector: Tensor) -> Tensor:
    """By elements: matrix products may be short."""
    return (matrix * vector.unsqueeze(-2)).sum(-1)
