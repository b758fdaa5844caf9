"""What a diffusion learns by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from variata.models import LatentModel, Trace
from variata.schedules import Moment


@dataclass(frozen=True)
class Denoising:
    """The squared error of the velocity between x and noise, (B,): a surrogate, no nats.

    For a p(x | z) that is a `variata.distributions.Diffusion`.

    Reference:
        Progressive Distillation for Fast Sampling of Diffusion Models (Salimans and Ho, 2022),
        arXiv:2202.00512
    """

    def __call__(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        likelihood: Any = trace.likelihood
        return likelihood.velocity_error(trace.observed.x)
