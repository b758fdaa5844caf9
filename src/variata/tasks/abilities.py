"""What a model can do, by what it is made of; and the sentence for what it cannot."""

from __future__ import annotations

from typing import Any, Literal

from variata.conditionals import DiracPosterior, head_of
from variata.errors import NoDensityError, UsageError
from variata.models import LatentModel

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


def require_latents(recipe: str, module: LatentModel, verb: str) -> None:
    """Refuse what takes latents of a model that has none.

    Raises:
        UsageError: says what the model can do, and which recipe can do this.
    """
    if not decodes(module):
        raise UsageError(
            f"{recipe} cannot {verb}: it is a density over examples, without latents. It can "
            f"sample and score; to {verb}, train vae."
        )


def require_encoder(recipe: str, module: LatentModel, verb: str) -> None:
    """Refuse what takes the latents of examples of a model that knows none.

    Raises:
        UsageError: as `require_latents`.
    """
    require_latents(recipe, module, verb)
    if not encodes(module):
        raise UsageError(
            f"{recipe} cannot {verb}: it makes examples of noise, and no latents of examples. It "
            f"can sample and decode; to {verb}, train vae."
        )


def require_likelihood(recipe: str, module: LatentModel) -> None:
    """Refuse a model without a likelihood.

    Raises:
        NoDensityError: says why there is none.
    """
    if likelihood_of(module) == "none":
        why = (
            "its posterior is a point, without density"
            if encodes(module)
            else "it makes examples of noise, and judges none"
        )
        raise NoDensityError(
            f"The recipe {recipe} has no likelihood to give: {why}. Train the recipe vae for one."
        )
