"""The prior of a trained model, for what looks at its latents."""

from __future__ import annotations

import torch
from torch import Tensor

from variata.distributions import StandardGaussian
from variata.metrics import KnownPrior
from variata.models import LatentModel
from variata.tasks.bulk import in_blocks, quiet

DRAWS = 10_000
ROWS = 1_000  # whose densities are taken at a time


def known_prior(module: LatentModel, draws: int = DRAWS, seed: int = 0) -> KnownPrior | None:
    """Density of the prior and draws from it; None for N(0, I), and for several levels."""
    with quiet(module, seed):
        priors = [level.prior for level in module.levels]  # type: ignore[union-attr]
        if len(priors) != 1 or isinstance(priors[0](None), StandardGaussian):  # type: ignore[operator]
            return None
    drawn: list[Tensor] = []

    def work(part: range) -> Tensor:
        return module.imagine(len(part)).stages[0].z[0].flatten(1).double().cpu()

    in_blocks(module, draws, seed, work, drawn.append)

    def log_prob(z: Tensor) -> Tensor:
        some = next(module.parameters())
        with quiet(module, seed):
            p = priors[0](None)  # type: ignore[operator]
            parts = [p.log_prob(part.to(some)).double().cpu() for part in z.split(ROWS)]
        return torch.cat(parts)

    return KnownPrior(log_prob, torch.cat(drawn))
