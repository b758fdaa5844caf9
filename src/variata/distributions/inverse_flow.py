"""Densities that a chain of invertible steps makes of noise, fast to draw from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn, Protocol

import torch
from torch import Tensor

from variata.distributions.gaussian import HALF_LOG_2PI
from variata.distributions.of_noise import OfNoise
from variata.errors import NoDensityError


class InformedStep(Protocol):
    """One invertible step that knows a context (B, C)."""

    def __call__(self, x: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """The image of x (..., B, L), and the logarithm of the volume change, (..., B)."""
        ...

    def inverse(self, y: Tensor, context: Tensor) -> Tensor:
        """The x whose image is y."""
        ...


class InverseFlow(OfNoise):
    """The distribution of mean + scale f(e) with e from N(0, I) and f the steps, one by one.

    log q(z) = log N(e; 0, I) - log |det df/de| - sum of log scale, nats. A draw knows its e; that
    of any other z is found by inverting the steps, which may take many passes.

    Args:
        mean, scale: (B, L), the scale positive.
        steps: the first is applied to e.
        context: what all steps know, (B, C).

    Reference:
        Improving Variational Inference with Inverse Autoregressive Flow (Kingma et al., 2016),
        arXiv:1606.04934

    >>> q = InverseFlow(torch.zeros(1, 3), torch.ones(1, 3), [], torch.zeros(1, 0))
    >>> round(q.log_prob(torch.zeros(1, 3)).item(), 4)
    -2.7568
    """

    def __init__(
        self, mean: Tensor, scale: Tensor, steps: Sequence[InformedStep], context: Tensor
    ) -> None:
        self.loc, self.scale, self.steps, self.context = mean, scale, steps, context
        super().__init__(mean)

    def make(self, normal: Tensor) -> tuple[Tensor, Tensor]:
        log_prob = -(0.5 * normal.square() + self.scale.log() + HALF_LOG_2PI).sum(-1)
        for step in self.steps:
            normal, change = step(normal, self.context)
            log_prob = log_prob - change
        return torch.addcmul(self.loc, self.scale, normal), log_prob

    def density(self, value: Tensor) -> Tensor:
        noise = (value - self.loc) / self.scale
        for step in reversed(self.steps):
            noise = step.inverse(noise, self.context)
        return self.make(noise)[1]

    @property
    def mean(self) -> Tensor:
        """What no noise becomes: near the expected value, which has no closed form."""
        return self.make(torch.zeros_like(self.loc))[0]

    @property
    def variance(self) -> NoReturn:
        """Raise NoDensityError: it has no closed form."""
        raise NoDensityError(
            "The posterior is a flow, whose standard deviations have no closed form: draw from it "
            "with model.module.infer, or train covariance_vae for a posterior that knows its own."
        )
