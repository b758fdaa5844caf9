"""Hyperbolic space in coordinates of the tangent space at its origin."""

from __future__ import annotations

from typing import NoReturn

import torch
from torch import Tensor

from variata.distributions.gaussian import HALF_LOG_2PI
from variata.distributions.of_noise import OfNoise
from variata.errors import NoDensityError

LEAST = 1e-12  # of a length that something is divided by
FAR = 20.0  # from where on the area sinus hyperbolicus is a logarithm


def translated(points: Tensor, by: Tensor) -> Tensor:
    """Points (..., L) moved by the translation of hyperbolic space that takes the origin to `by`.

    A point is given by the vector that leads to it from the origin: its direction, and its distance
    as length. Exponentials are taken of differences alone, so that points at any distance stay
    finite, also in single precision.

    >>> there = translated(torch.tensor([0.3, 0.4]), torch.tensor([2.0, -1.0]))
    >>> translated(there, torch.tensor([-2.0, 1.0]))
    tensor([0.3000, 0.4000])
    """
    a, b = _length(points), _length(by)
    unit, ahead = points / a, by / b
    cosine = (unit * ahead).sum(-1, keepdim=True)
    # sinh and cosh of a and b, all divided by exp(a + b)
    onward = -torch.expm1(-2 * (a + b)) * (1 + cosine)
    back = (torch.expm1(-2 * a) - torch.expm1(-2 * b)) * (1 - cosine)
    aside = -torch.expm1(-2 * a) * (-b).exp() / 2
    moved = (onward + back) / 4 * ahead + aside * (unit - cosine * ahead)
    size, far = _length(moved), a + b
    near = torch.asinh(size * far.clamp_max(FAR).exp())
    distance = torch.where(far < FAR, near, far + (2 * size).log())
    return distance / size * moved


def geodesic(start: Tensor, end: Tensor, share: Tensor) -> Tensor:
    """The points at shares (N, 1) of the shortest way between two points (L,).

    >>> a, b = torch.tensor([1.0, 0.0]), torch.tensor([3.0, 0.0])
    >>> geodesic(a, b, torch.tensor([[0.5]])).round(decimals=3)
    tensor([[2., 0.]])
    """
    return translated(share * translated(end, -start), start)


def log_stretch(points: Tensor) -> Tensor:
    """log of hyperbolic volume over that of the coordinates, (...), at points (..., L).

    It is (L - 1) log(sinh r / r) at the distance r.
    """
    r = points.norm(dim=-1).clamp_min(1e-4)  # under which it is zero to all digits
    return (points.shape[-1] - 1) * (r + (-torch.expm1(-2 * r) / (2 * r)).log())


class WrappedNormal(OfNoise):
    """N(0, diag(scale^2)) in the tangent space at the origin, wrapped around a point elsewhere.

    The noise becomes a point at its distance in its direction, and is then translated so that the
    origin comes to lie at the mean. The density is one in z's own coordinates, in which it
    integrates to one; per hyperbolic volume it is log q(z) - log_stretch(z). With a mean of
    zero it is the Gaussian itself, so that N(0, I) is the wrapped normal around the origin.

    Args:
        mean: a point in tangent coordinates, (B, L).
        scale: positive, (B, L).

    Reference:
        A Wrapped Normal Distribution on Hyperbolic Space for Gradient-Based Learning (Nagano et
        al., 2019), arXiv:1902.02992

    >>> q = WrappedNormal(torch.zeros(1, 2), torch.ones(1, 2))
    >>> round(q.log_prob(torch.zeros(1, 2)).item(), 4)
    -1.8379
    """

    def __init__(self, mean: Tensor, scale: Tensor) -> None:
        self.loc, self.scale = mean, scale
        super().__init__(mean)

    def make(self, normal: Tensor) -> tuple[Tensor, Tensor]:
        tangent = self.scale * normal
        z = translated(tangent, self.loc)
        return z, self._log_density(tangent, z)

    def density(self, value: Tensor) -> Tensor:
        return self._log_density(translated(value, -self.loc), value)

    @property
    def mean(self) -> Tensor:
        """The point that noise is wrapped around."""
        return self.loc

    @property
    def variance(self) -> NoReturn:
        """Raise NoDensityError: it has no closed form."""
        raise NoDensityError(
            "The latent space is hyperbolic, where a posterior has no standard deviation in each "
            "coordinate: draw from it with model.module.infer."
        )

    def _log_density(self, tangent: Tensor, z: Tensor) -> Tensor:
        each = 0.5 * (tangent / self.scale).square() + self.scale.log() + HALF_LOG_2PI
        return log_stretch(z) - log_stretch(tangent) - each.sum(-1)


def _length(vector: Tensor) -> Tensor:
    return vector.norm(dim=-1, keepdim=True).clamp_min(LEAST)
