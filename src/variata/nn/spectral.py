"""Layers whose largest singular value is one."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.utils.parametrize import register_parametrization

from variata.shapes import full

ITERATIONS = 4


class UnitNorm(nn.Module):
    """A weight (O, *I) over its largest singular value, by power iteration from a fixed start.

    Nothing is remembered from step to step, so there is nothing to save, and compiled steps, copies
    and pieces of a batch give the same. The value found is at most the true one, and close to it
    after a few iterations.

    Reference:
        Spectral Normalization for Generative Adversarial Networks (Miyato et al., 2018),
        arXiv:1802.05957

    >>> UnitNorm()(torch.diag(torch.tensor([3.0, 0.3]))).round(decimals=4)
    tensor([[1.0000, 0.0000],
            [0.0000, 0.1000]])
    """

    def forward(self, weight: Tensor) -> Tensor:
        matrix = full(weight).flatten(1)
        with torch.no_grad():
            u = normalize(matrix.sum(1) + matrix.abs().mean(), dim=0)
            v = normalize(_times(matrix.T, u), dim=0)
            for _ in range(ITERATIONS - 1):
                u = normalize(_times(matrix, v), dim=0)
                v = normalize(_times(matrix.T, u), dim=0)
            u = normalize(_times(matrix, v), dim=0)
        largest = (u * _times(matrix, v)).sum()
        return full(weight) / largest.clamp_min(1e-12)


def unit_norm(layer: nn.Module) -> nn.Module:
    """The same linear or convolutional layer, from now on with a weight of unit norm."""
    return register_parametrization(layer, "weight", UnitNorm())


def _times(matrix: Tensor, vector: Tensor) -> Tensor:
    """A product in full precision, also where networks multiply in less."""
    return (matrix * vector).sum(1)
