"""The shape law: z is (K, B, *Z), x is (B, *X), densities are (K, B)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.distributions import Distribution

from variata.errors import NoDensityError

Shape = tuple[int, ...]
Draw = Callable[[Distribution, int, int], Tensor]


def numel(shape: Sequence[int]) -> int:
    """Number of elements of a shape.

    >>> numel((3, 4)), numel(())
    (12, 1)
    """
    return math.prod(shape)


def spread(value: Tensor, k: int) -> Tensor:
    """Give a (B, ...) tensor its leading K without copying: (K, B, ...).

    >>> spread(torch.zeros(4, 2), 3).shape
    torch.Size([3, 4, 2])
    """
    return value.expand(k, *value.shape)


def full(value: Tensor) -> Tensor:
    """At least single precision: networks may multiply in less, probabilities are never in less.

    >>> full(torch.zeros(1, dtype=torch.bfloat16)).dtype, full(torch.zeros(1).double()).dtype
    (torch.float32, torch.float64)
    """
    return value.float() if value.dtype in (torch.bfloat16, torch.float16) else value


def draw(distribution: Distribution, k: int, n: int) -> Tensor:
    """Draw (K, B, *event), adding only the leading dimensions that the distribution lacks.

    >>> from torch.distributions import Normal
    >>> draw(Normal(torch.zeros(5), 1.0), 2, 5).shape
    torch.Size([2, 5])
    """
    lead = torch.Size((k, n)[: 2 - len(distribution.batch_shape)])
    return distribution.rsample(lead) if distribution.has_rsample else distribution.sample(lead)


def draw_mean(distribution: Distribution, k: int, n: int) -> Tensor:
    """Take the mean instead of a draw: what encodes and reconstructs without noise.

    >>> from torch.distributions import Normal
    >>> draw_mean(Normal(torch.ones(2), 1.0), 1, 2)
    tensor([[1., 1.]])
    """
    return distribution.mean.expand(k, n, *distribution.event_shape)


def location_and_scale(distribution: Distribution) -> tuple[Tensor, Tensor]:
    """The two that make a draw of the distribution from standard noise: loc + scale * noise.

    Raises:
        NoDensityError: for a distribution that is not a shift and a scale of common noise.
    """
    loc, scale = getattr(distribution, "loc", None), getattr(distribution, "scale", None)
    if loc is None or scale is None:
        name = type(distribution).__name__
        raise NoDensityError(f"{name} has no location and scale, so its rows cannot share noise.")
    return loc, scale
