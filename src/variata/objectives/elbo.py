"""The two halves of the evidence lower bound."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from variata.models import LatentModel, Trace
from variata.schedules import Moment


@dataclass(frozen=True)
class Distortion:
    """-log p(x | z), (K, B), in nats per example."""

    def __call__(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        return trace.distortion()


@dataclass(frozen=True)
class Rate:
    """KL(q(z | x) || p(z)), (K, B), in nats per example.

    Raises:
        NoDensityError: when the posterior is a point (an autoencoder has no rate).

    Reference:
        Fixing a Broken ELBO (Alemi et al., 2018), arXiv:1711.00464
    """

    def __call__(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        return trace.rate()
