"""What a trained model can do, which its parts say."""

from __future__ import annotations

import torch

from variata.models import encodes, likelihood_of
from variata.tasks.codes import has_codes
from variata.tasks.latents import can_sample
from variata.tasks.model import Model

ABILITIES = ("generate", "encode", "likelihood", "interpolate", "compress", "detect")


def abilities(model: Model) -> dict[str, bool]:
    """Which verbs suit a model; whether `compress` does shows when it is tried.

    >>> from variata import fit
    >>> able = abilities(fit("digits", "ae", latent=2, hidden=(8,), epochs=1))
    >>> [name for name, can in able.items() if can]
    ['encode', 'interpolate', 'detect']
    """
    module = model.module
    encoded, density = encodes(module), likelihood_of(module) != "none"
    return {
        "generate": can_sample(module),
        "encode": encoded,
        "likelihood": density,
        "interpolate": encoded and not has_codes(module),
        "detect": encoded,
    }


def parameters(module: torch.nn.Module) -> int:
    """How many numbers a model has learnt."""
    return sum(p.numel() for p in module.parameters())
