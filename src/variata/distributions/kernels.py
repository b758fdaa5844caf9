"""Mixtures of kernels around rows."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Size, Tensor
from torch.distributions import Distribution
from torch.distributions.constraints import Constraint
from torch.types import _size

from variata.distributions.factorised import ONE_DRAW


class Kernels(Distribution, ABC):
    """p(x) = sum_m w_m k(x | row_m), over vectors x (L,).

    Args:
        rows: (M, L). log_weights: (M,), normalised; -inf for a row that does not count.
    """

    def __init__(self, rows: Tensor, log_weights: Tensor) -> None:
        self.rows, self.log_weights = rows, log_weights
        super().__init__(Size(), rows.shape[1:], validate_args=False)

    @property
    def arg_constraints(self) -> dict[str, Constraint]:
        """None: arguments are not validated."""
        return {}

    def log_prob(self, value: Tensor) -> Tensor:
        flat = value.reshape(-1, value.shape[-1])
        return (self.log_kernels(flat) + self.log_weights).logsumexp(-1).view(value.shape[:-1])

    def sample(self, sample_shape: _size = ONE_DRAW) -> Tensor:
        with torch.no_grad():
            count = Size(sample_shape).numel()
            chosen = torch.multinomial(self.log_weights.exp(), count, replacement=True)
            return self.around(self.rows[chosen]).view(*sample_shape, -1)

    @abstractmethod
    def log_kernels(self, x: Tensor) -> Tensor:
        """log k(x | row), (N, M), nats, of x (N, L)."""

    @abstractmethod
    def around(self, rows: Tensor) -> Tensor:
        """A draw of the kernel of each of the rows (N, L)."""


class GaussianKernels(Kernels):
    """Kernels N(x; row, (bandwidth * scale)^2).

    Args:
        scale: of the elements, (L,). bandwidth: ().

    Reference:
        On Estimation of a Probability Density Function and Mode (Parzen, 1962)

    >>> p = GaussianKernels(torch.zeros(1, 2), torch.zeros(1), torch.ones(2), torch.tensor(1.0))
    >>> round(p.log_prob(torch.zeros(2)).item(), 4)
    -1.8379
    """

    def __init__(self, rows: Tensor, log_weights: Tensor, scale: Tensor, bandwidth: Tensor) -> None:
        super().__init__(rows, log_weights)
        self.width = scale * bandwidth

    def log_kernels(self, x: Tensor) -> Tensor:
        width = self.width.double()  # squares of numbers far from 0 cancel in fp32
        far = torch.cdist(x.double() / width, self.rows.double() / width).square()
        constant = width.log().sum() + self.width.shape[0] * math.log(2 * math.pi) / 2
        return -far / 2 - constant

    def around(self, rows: Tensor) -> Tensor:
        return rows + self.width * torch.randn_like(rows)


class SwitchingKernels(Kernels):
    """Kernels of classes: an element stays with 1 - chance, else it is any of the others.

    Args:
        classes: C. chance: ().

    Reference:
        Multivariate Binary Discrimination by the Kernel Method (Aitchison and Aitken, 1976)

    >>> p = SwitchingKernels(torch.zeros(1, 1), torch.zeros(1), 2, torch.tensor(0.25))
    >>> p.log_prob(torch.tensor([[0.0], [1.0]])).exp()
    tensor([0.7500, 0.2500])
    """

    def __init__(self, rows: Tensor, log_weights: Tensor, classes: int, chance: Tensor) -> None:
        super().__init__(rows, log_weights)
        self.classes, self.chance = classes, chance

    def log_kernels(self, x: Tensor) -> Tensor:
        alike = x.new_zeros(x.shape[0], self.rows.shape[0])
        for c in range(self.classes):
            alike = alike + (x == c).to(x.dtype) @ (self.rows == c).to(x.dtype).T
        stays, goes = (-self.chance).log1p(), (self.chance / (self.classes - 1)).log()
        return alike * stays + (self.rows.shape[1] - alike) * goes

    def around(self, rows: Tensor) -> Tensor:
        moved = (rows + torch.randint_like(rows, 1, self.classes)) % self.classes
        return torch.where(torch.rand_like(rows) < self.chance, moved, rows)
