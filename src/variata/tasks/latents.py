"""The prior of a trained model, for what looks at its latents."""

from __future__ import annotations

import torch
from torch import Tensor

from variata.distributions import StandardGaussian
from variata.metrics import KnownPrior
from variata.models import LatentModel
from variata.shapes import draw
from variata.tasks.bulk import in_blocks, quiet
from variata.tasks.model import Model

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
        return draw(priors[0](None), 1, len(part))[0].flatten(1).double().cpu()  # type: ignore[operator]

    in_blocks(module, draws, seed, work, drawn.append)

    def log_prob(z: Tensor) -> Tensor:
        some = next(module.parameters())
        with quiet(module, seed):
            p = priors[0](None)  # type: ignore[operator]
            parts = [p.log_prob(part.to(some)).double().cpu() for part in z.split(ROWS)]
        return torch.cat(parts)

    return KnownPrior(log_prob, torch.cat(drawn))


def can_sample(module: LatentModel) -> bool:
    """Whether the prior has to do with the latents: training held them to it, or it was fitted."""
    return all(getattr(level.prior, "held", True) for level in module.levels)


def prior_said(model: Model) -> str:
    """What latents are drawn from, in words.

    >>> from variata import fit
    >>> prior_said(fit("digits", latent=2, hidden=(8,), epochs=1))
    "the recipe's own prior"
    """
    call = model.saved.prior
    if call is None:
        return "the recipe's own prior"
    told = ", ".join(f"{value} {name}" for name, value in call["arguments"].items())
    return f"the prior that was fitted afterwards ({call['name']}: {told})"
