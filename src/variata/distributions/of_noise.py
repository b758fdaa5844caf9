"""Distributions whose draws are made of standard normal noise, and know their own density."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Size, Tensor
from torch.distributions import Distribution
from torch.distributions.constraints import Constraint
from torch.types import _size

from variata.distributions.factorised import ONE_DRAW
from variata.noise import noise


class OfNoise(Distribution, ABC):
    """A distribution over vectors, given by what it makes of N(0, I).

    log q of the latest differentiable draw is kept with it, so that it costs nothing again, and
    holds where an inversion would be slow or inexact; other values are inverted.

    Args:
        like: any tensor (B, L): its shape, type and device are those of a draw.

    >>> from variata.distributions import FullGaussian
    >>> q = FullGaussian(torch.zeros(3, 2), torch.ones(3, 2), torch.zeros(3, 2, 2))
    >>> z = q.rsample((5,))
    >>> bool(torch.allclose(q.log_prob(z), q.log_prob(z.clone())))
    True
    """

    has_rsample = True

    def __init__(self, like: Tensor) -> None:
        self.like = like
        self._drawn: tuple[Tensor, Tensor] | None = None
        super().__init__(like.shape[:-1], like.shape[-1:], validate_args=False)

    @property
    def arg_constraints(self) -> dict[str, Constraint]:
        """None: arguments are not validated."""
        return {}

    @property
    def noise_shape(self) -> Size:
        """Shape of the normal noise that one draw takes."""
        return self.event_shape

    @abstractmethod
    def make(self, normal: Tensor) -> tuple[Tensor, Tensor]:
        """z (..., L), and log q(z) (...) in nats, of standard normal noise."""

    @abstractmethod
    def density(self, value: Tensor) -> Tensor:
        """log q(value) in nats, (...), of any value (..., L)."""

    def log_prob(self, value: Tensor) -> Tensor:
        if self._drawn is not None and value is self._drawn[0]:
            return self._drawn[1]
        return self.density(value)

    def from_normal(self, normal: Tensor) -> Tensor:
        """The draw that standard normal noise (..., *noise_shape) makes."""
        self._drawn = self.make(normal)
        return self._drawn[0]

    def rsample(self, sample_shape: _size = ONE_DRAW) -> Tensor:
        shape = Size((*sample_shape, *self.batch_shape, *self.noise_shape))
        options = {"dtype": self.like.dtype, "device": self.like.device}
        return self.from_normal(noise(torch.randn, shape, 1, **options))

    def sample(self, sample_shape: _size = ONE_DRAW) -> Tensor:
        return self.rsample(sample_shape).detach()

    def __repr__(self) -> str:
        shapes = f"batch={tuple(self.batch_shape)}, event={tuple(self.event_shape)}"
        return f"{type(self).__name__}({shapes})"
