"""The prior of a trained model, for what looks at its latents."""

from __future__ import annotations

import torch
from torch import Tensor

from variata.distributions import StandardGaussian
from variata.metrics import KnownPrior
from variata.models import LatentModel, decodes, likelihood_of
from variata.shapes import draw
from variata.tasks.bulk import quiet
from variata.tasks.codes import has_codes
from variata.tasks.model import Model

DRAWS = 10_000
ROWS = 1_000  # that are drawn, or whose densities are taken, at a time


def known_prior(module: LatentModel, draws: int = DRAWS, seed: int = 0) -> KnownPrior | None:
    """Density of the prior and draws from it; None for N(0, I), codes and several levels."""
    if has_codes(module):
        return None
    with quiet(module, seed):
        priors = [level.prior for level in module.levels]  # type: ignore[union-attr]
        if len(priors) != 1 or isinstance(p := priors[0](None), StandardGaussian):  # type: ignore[operator]
            return None
        sizes = [len(part) for part in torch.arange(draws).split(ROWS)]
        drawn = torch.cat([draw(p, 1, n)[0].flatten(1).double().cpu() for n in sizes])

    def log_prob(z: Tensor) -> Tensor:
        some = next(module.parameters())
        with quiet(module, seed):
            p = priors[0](None)  # type: ignore[operator]
            parts = [p.log_prob(part.to(some)).double().cpu() for part in z.split(ROWS)]
        return torch.cat(parts)

    return KnownPrior(log_prob, drawn)


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
    if not decodes(model.module):
        return "none: the model has no latents"
    if call is None:
        return "the recipe's own prior"
    told = ", ".join(f"{value} {name}" for name, value in call["arguments"].items())
    estimated = likelihood_of(model.module) == "estimated"
    only = ", whose density is an estimate" if estimated else ""
    return f"the prior that was fitted afterwards ({call['name']}: {told}){only}"
