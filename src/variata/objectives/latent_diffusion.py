"""Terms of a model whose prior is a diffusion that learns beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Any

from torch import Tensor

from variata.distributions import StandardGaussian
from variata.models import LatentModel, Stage, Trace
from variata.schedules import Moment


@dataclass(frozen=True)
class StandardRate:
    """KL(q(z | x) || N(0, I)) summed over levels, (K, B), nats, whatever the prior of the model is.

    Raises:
        NoDensityError: for a posterior without a closed divergence.
    """

    def __call__(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        return reduce(add, (_rate(stage) for stage in trace.stages))


@dataclass(frozen=True)
class PriorDenoising:
    """The squared error of the velocity between latents and noise, (K, B): a surrogate, no nats.

    For a prior that is a `variata.distributions.Diffusion`. Latents are held fixed, so that the
    prior alone learns by it.

    Reference:
        High-Resolution Image Synthesis with Latent Diffusion Models (Rombach et al., 2021),
        arXiv:2112.10752
    """

    def __call__(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        stage: Any = trace.stages[0]
        return stage.p.velocity_error(stage.z.detach())


def _rate(stage: Stage) -> Tensor:
    z = stage.z
    normal = StandardGaussian(z.new_zeros(z.shape[2:]), z.dim() - 2)
    return replace(stage, p=normal).rate_each().flatten(2).sum(-1)
