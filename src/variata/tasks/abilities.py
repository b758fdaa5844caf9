"""What a model can do; what it cannot, in a sentence that says what can."""

from __future__ import annotations

from variata.conditionals import AutoregressiveHead
from variata.errors import NoDensityError, UsageError
from variata.models import LatentModel, decodes, encodes, likelihood_of


def reads_values(module: LatentModel) -> bool:
    """Whether the decoder reads the elements before each one, so that values come one by one.

    A pass is dear then, and what such a decoder leaves to the latents is little.
    """
    return isinstance(getattr(module.decoder, "head", None), AutoregressiveHead)


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
