"""How unlikely every element of a row is, given all others."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Surprise:
    """Elements given all others, each (N, D).

    Attributes:
        expected: the mean of element d given the others.
        scale: the standard deviation of element d given the others.
        left: (x - expected) / scale.
    """

    expected: Tensor
    scale: Tensor
    left: Tensor

    @property
    def nats(self) -> Tensor:
        """By how much elements are less likely than their means, if x is Gaussian, (N, D)."""
        return self.left.square() / 2


def conditional(x: Tensor, mean: Tensor, slope: Tensor, noise: Tensor, prior: Tensor) -> Surprise:
    """Elements of x given all others, where x = mean + slope z + noise, z ~ N(0, prior).

    With C the prior's covariance and V the diagonal of the noise, x has the precision
    P = V^-1 - V^-1 J (C^-1 + J^T V^-1 J)^-1 J^T V^-1, whose diagonal and product with x - mean
    are all that is needed: x_d given the others has variance 1 / P_dd and lies
    (P (x - mean))_d / P_dd above its mean.

    Args:
        x, mean: (N, D).
        slope: J, (N, D, L).
        noise: variance of every element, (N, D).
        prior: C, (L, L).

    >>> x, zero, slope = torch.tensor([[1.0, -1.0]]), torch.zeros(1, 2), torch.ones(1, 2, 1)
    >>> found = conditional(x, zero, slope, torch.ones(1, 2), torch.eye(1))
    >>> found.expected, found.scale.square()  # a correlation of 1/2, variances of 2
    (tensor([[-0.5000,  0.5000]]), tensor([[1.5000, 1.5000]]))
    """
    weighted = slope / noise[..., None]
    inner = torch.linalg.inv(prior) + slope.mT @ weighted
    solved = torch.linalg.solve(inner, weighted.mT).mT
    left = x - mean
    pull = left / noise - (solved @ (weighted.mT @ left[..., None])).squeeze(-1)
    precision = 1 / noise - (solved * weighted).sum(-1)
    scale = precision.rsqrt()
    return Surprise(x - pull / precision, scale, pull * scale)
