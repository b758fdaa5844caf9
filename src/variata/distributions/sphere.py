"""The unit sphere in L dimensions, and distributions on it."""

from __future__ import annotations

import math
from abc import abstractmethod

import torch
from torch import Size, Tensor
from torch.nn import functional as F

from variata.distributions.of_noise import OfNoise


def log_area(dimensions: int) -> float:
    """log of the area of the unit sphere in so many dimensions.

    >>> round(math.exp(log_area(2)) / math.pi, 6), round(math.exp(log_area(3)) / math.pi, 6)
    (2.0, 4.0)
    """
    half = dimensions / 2
    return math.log(2) + half * math.log(math.pi) - math.lgamma(half)


def great_circle(start: Tensor, end: Tensor, share: Tensor) -> Tensor:
    """The points at shares (N, 1) of the shortest way between two points (L,) of the sphere.

    >>> a, b = torch.eye(2)
    >>> great_circle(a, b, torch.tensor([[0.5]]))
    tensor([[0.7071, 0.7071]])
    """
    start, end = F.normalize(start, dim=-1), F.normalize(end, dim=-1)
    along = (start * end).sum()
    aside = end - along * start
    angle = share * torch.atan2(aside.norm(), along)
    return angle.cos() * start + angle.sin() * F.normalize(aside, dim=-1)


class UniformSphere(OfNoise):
    """The same density everywhere on the unit sphere.

    Args:
        like: any tensor (L,).

    >>> p = UniformSphere(torch.zeros(3))
    >>> round(p.sample((5,)).norm(dim=-1).sum().item(), 4), round(p.log_prob(p.mean).item(), 4)
    (5.0, -2.531)
    """

    def make(self, normal: Tensor) -> tuple[Tensor, Tensor]:
        z = F.normalize(normal, dim=-1)
        return z, self.density(z)

    def density(self, value: Tensor) -> Tensor:
        return value.new_full(value.shape[:-1], -log_area(value.shape[-1]))

    @property
    def mean(self) -> Tensor:
        return torch.zeros_like(self.like)

    @property
    def variance(self) -> Tensor:
        return torch.full_like(self.like, 1 / self.like.shape[-1])


class OnSphere(OfNoise):
    """A density on the unit sphere that depends on the angle to a direction alone.

    Leaves say how cosines of that angle are distributed. What lies aside is a uniform direction
    of its own; as the mean direction turns, it is carried along by parallel transport, which
    leaves it uniform, so gradients of expectations are unbiased.

    Args:
        direction: of unit length, (B, L).
        concentration: 0 is uniform, (B,).
    """

    def __init__(self, direction: Tensor, concentration: Tensor) -> None:
        self.direction, self.concentration = direction, concentration
        super().__init__(direction)

    @property
    @abstractmethod
    def noise_along(self) -> int:
        """Normal numbers that a cosine takes."""

    @abstractmethod
    def along(self, normal: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Cosine, sine and log-density (...) of a draw, of noise (..., noise_along)."""

    @abstractmethod
    def moments(self) -> tuple[Tensor, Tensor]:
        """Mean of the cosine and of its square, (B,)."""

    @abstractmethod
    def rate(self) -> Tensor:
        """KL to the uniform distribution on the sphere, nats, (B,)."""

    @property
    def noise_shape(self) -> Size:
        return Size((self.like.shape[-1] + self.noise_along,))

    def make(self, normal: Tensor) -> tuple[Tensor, Tensor]:
        aside, rest = normal.split((self.like.shape[-1], self.noise_along), -1)
        cosine, sine, log_prob = self.along(rest)
        held = self.direction.detach()
        aside = F.normalize(_without(aside, held), dim=-1)
        aside = _without(aside, self.direction)
        z = cosine.unsqueeze(-1) * self.direction + sine.unsqueeze(-1) * aside
        return z, log_prob

    @property
    def mean(self) -> Tensor:
        """The mean on the sphere; the expected value in space lies nearer to the centre."""
        return self.direction

    @property
    def variance(self) -> Tensor:
        """Of every coordinate around its expected value, (B, L)."""
        first, second = (moment.unsqueeze(-1) for moment in self.moments())
        aside = (1 - second) / (self.like.shape[-1] - 1)
        return aside + (second - aside - first.square()) * self.direction.square()


def rate_each(q: OnSphere, p: UniformSphere) -> Tensor:
    """The KL divergence, shared among coordinates by the squares of the direction's."""
    return q.rate().unsqueeze(-1) * q.direction.square()


def _without(vector: Tensor, direction: Tensor) -> Tensor:
    """The part of a vector at right angles to a direction of unit length."""
    return vector - (vector * direction).sum(-1, keepdim=True) * direction
