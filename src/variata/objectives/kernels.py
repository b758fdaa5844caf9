"""Kernels: how alike two latents are, from 1 at no distance down to 0."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import add

import torch
from torch import Tensor

SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
Kernel = Callable[[Tensor, float], Tensor]


def inverse_multiquadric(square: Tensor, base: float) -> Tensor:
    """The mean over scales s of s base / (s base + square): heavy tails, so that far ones feel it.

    Args:
        square: squared distances, any shape.
        base: squared width at scale 1.

    >>> inverse_multiquadric(torch.tensor([0.0, 1e9]), 2.0).round()
    tensor([1., 0.])
    """
    return _mean(lambda width: width / (width + square), base)


def radial_basis(square: Tensor, base: float) -> Tensor:
    """The mean over scales s of exp(-square / (s base)).

    Args:
        square: squared distances, any shape.
        base: squared width at scale 1.

    >>> radial_basis(torch.tensor([0.0, 1e9]), 2.0).round()
    tensor([1., 0.])
    """
    return _mean(lambda width: torch.exp(-square / width), base)


def _mean(kernel: Callable[[float], Tensor], base: float) -> Tensor:
    """Of a kernel at the widths of all scales."""
    return reduce(add, (kernel(scale * base) for scale in SCALES)) / len(SCALES)


KERNELS: dict[str, Kernel] = {"imq": inverse_multiquadric, "rbf": radial_basis}
