"""What a trained model can do, which its parts say."""

from __future__ import annotations

import torch

from variata.conditionals import DiracPosterior, head_of
from variata.errors import UsageError
from variata.models import LatentModel
from variata.tasks.codes import has_codes
from variata.tasks.compression.codec import Codec
from variata.tasks.latents import can_sample
from variata.tasks.model import Model

ABILITIES = ("generate", "encode", "likelihood", "interpolate", "compress", "detect")


def abilities(model: Model) -> dict[str, bool]:
    """Which verbs suit a model.

    >>> from variata import fit
    >>> able = abilities(fit("digits", "ae", latent=2, hidden=(8,), epochs=1))
    >>> [name for name, can in able.items() if can]
    ['encode', 'interpolate', 'detect']
    """
    module = model.module
    encodes, density = can_encode(module), density_of(module) != "none"
    return {
        "generate": can_sample(module),
        "encode": encodes,
        "likelihood": density,
        "interpolate": encodes and not has_codes(module),
        "compress": density and can_compress(model),
        "detect": density or encodes,
    }


def can_encode(module: LatentModel) -> bool:
    """Whether examples have latents."""
    levels = list(module.levels)
    return bool(levels) and all(level.posterior is not None for level in levels)


def density_of(module: LatentModel) -> str:
    """What is known of log p(x): "exact", "bound", "estimated" or "none".

    A density of data or latents that is an estimate makes the whole an estimate; a level without a
    posterior, or one that is a point, leaves none.

    >>> from variata import recipes
    >>> density_of(recipes.vae(shape=(4,)).model), density_of(recipes.ae(shape=(4,)).model)
    ('bound', 'none')
    """
    posteriors = [level.posterior for level in module.levels]
    if any(q is None or isinstance(head_of(q), DiracPosterior) for q in posteriors):
        return "none"
    if any(getattr(part, "estimated", False) for part in module.modules()):
        return "estimated"
    return "bound" if posteriors else "exact"


def can_compress(model: Model) -> bool:
    """Whether `compress` can code the model's data."""
    try:
        Codec.of(model)
        return True
    except UsageError:
        return False


def parameters(module: torch.nn.Module) -> int:
    """How many numbers a model has learnt."""
    return sum(p.numel() for p in module.parameters())
