"""What regularises an autoencoder without noise: small codes and a smooth decoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from variata.models import LatentModel, Trace
from variata.noise import noise
from variata.objectives.decoding import decoded
from variata.schedules import Moment


@dataclass(frozen=True)
class CodeNorm:
    """Half the squared norm of the latents, (K, B): what N(0, I) charges, less its constant.

    Reference:
        From Variational to Deterministic Autoencoders (Ghosh et al., 2019), arXiv:1903.12436
    """

    def __call__(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        norms = [stage.z.flatten(2).square().sum(-1) for stage in trace.stages]
        return 0.5 * torch.stack(norms).sum(0)


@dataclass(frozen=True)
class DecoderNorm:
    """The sum of squares of the weights of the decoder's layers, the same for every example, (B,).

    Biases do not count, nor the likelihood's own scales.
    """

    def __call__(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        z = trace.stages[-1].z
        named = model.decoder.named_parameters()
        norms = (p.square().sum() for name, p in named if "weight" in name and p.dim() > 1)
        return sum(norms, start=z.new_zeros(())).expand(z.shape[1])


@dataclass(frozen=True)
class Roughness:
    """The squared Frobenius norm of the decoder's Jacobian at the latents, (K, B).

    |J|^2 = E |J u|^2 for u ~ N(0, I); J u is the difference of the decoder's means a small step
    apart (of many levels, to within half a level), which takes one more pass and no second
    derivative. For models with one level.

    Args:
        step: length of the step, in units of z.

    Reference:
        From Variational to Deterministic Autoencoders (Ghosh et al., 2019), arXiv:1903.12436
    """

    step: float = 1e-2

    def __call__(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        z, likelihood = trace.stages[-1].z, cast(Any, trace.likelihood)
        direction = noise(torch.randn, z.shape, z.dim() - 2, dtype=z.dtype, device=z.device)
        moved: Any = decoded(model, trace, z + self.step * direction)
        difference = (moved.point() - likelihood.point()) / self.step
        return difference.flatten(2).square().sum(-1)
