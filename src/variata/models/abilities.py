"""What a model can do, by what it is made of."""

from __future__ import annotations

from typing import Any, Literal

from variata.conditionals import DiracPosterior, head_of
from variata.models.latent import LatentModel

Likelihood = Literal["exact", "bound", "estimated", "none"]


def encodes(module: LatentModel) -> bool:
    """Whether examples have latents: there are levels, and each has a posterior."""
    return decodes(module) and all(level.posterior is not None for level in module.levels)


def decodes(module: LatentModel) -> bool:
    """Whether there are latents."""
    return len(module.levels) > 0


def likelihood_of(module: LatentModel) -> Likelihood:
    """What the model can say of log p(x)."""
    if not decodes(module):
        found: Any = getattr(module.decoder, "density", "exact")
        return found
    heads = [head_of(level.posterior) for level in module.levels]
    if any(head is None or isinstance(head, DiracPosterior) for head in heads):
        return "none"
    estimated = any(getattr(level.prior, "estimated", False) for level in module.levels)
    return "estimated" if estimated else "bound"
