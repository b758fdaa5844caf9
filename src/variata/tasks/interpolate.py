"""Paths through a model's latents, by what its latents are."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from variata.distributions import Categorical
from variata.errors import UsageError, did_you_mean
from variata.tasks.abilities import reads_values
from variata.tasks.codes import has_codes
from variata.tasks.collect import Array
from variata.tasks.paths import Decode, geodesic, spherical
from variata.tasks.spaces import shortest
from variata.tasks.trained import Trained

Way = Callable[[Tensor, Tensor, int], Tensor]
PATHS = ("linear", "spherical", "geodesic")


def latent_path(model: Trained, stops: Array, steps: int, path: str, loop: bool) -> Array:
    """Latents through all stops (A, L), in steps of which every leg has as many; stops are shared.

    Args:
        steps: of a leg, its two stops included; at least 2.
        path: one of `PATHS`.
        loop: whether it goes back to the first stop, and ends one step before.

    Raises:
        UsageError: the path has no meaning for such latents, or there is none of this name.
    """
    if steps < 2:
        raise UsageError(f"A path needs at least 2 steps, its ends, got {steps}.")
    way, latents = _way(model, path), list(torch.tensor(stops))
    was_training = model.module.training
    model.module.eval()
    try:
        around = [*latents, latents[0]] if loop else latents
        legs = [way(a, b, steps)[:-1] for a, b in pairwise(around)]
    finally:
        model.module.train(was_training)
    return torch.cat(legs if loop else [*legs, latents[-1][None]]).numpy()


def _way(model: Trained, path: str) -> Way:
    if path not in PATHS:
        hint = did_you_mean(path, PATHS)
        raise UsageError(f"There is no path '{path}', but {', '.join(PATHS)}.{hint}")
    if path == "linear":
        return partial(shortest, model.module, model.widths)
    if has_codes(model.module):
        raise UsageError(
            f"The latents of {model.recipe} are codes, between which there is nothing to go along: "
            "use the path 'linear', which mixes their vectors."
        )
    return partial(geodesic, _decoder(model)) if path == "geodesic" else _on_sphere(model)


def _on_sphere(model: Trained) -> Way:
    if len(model.widths) > 1:
        raise UsageError(
            f"The latents of {model.recipe} have {len(model.widths)} levels, of which those below "
            "lie around what the first one says and not around the origin: use the path 'linear' "
            "or 'geodesic'."
        )
    return spherical


def _decoder(model: Trained) -> Decode:
    """Latents to the likelihood's mean in model space; of categories, to their probabilities."""
    module, some = model.module, next(model.module.parameters())
    if reads_values(module):
        raise UsageError(
            f"{model.recipe} makes images pixel by pixel, which has no gradient to find a geodesic "
            "by: use the path 'linear' or 'spherical'."
        )
    context = model.context(None, 1)
    c = None if context is None else context.gather(torch.tensor([0])).to(some)

    def decode(z: Tensor) -> Tensor:
        given = dict(enumerate(z.to(some).split(model.widths, -1)))
        told = None if c is None else c.expand(len(z), -1)
        likelihood: Any = module.imagine(len(z), told, given).likelihood
        shown = likelihood.probs if isinstance(likelihood, Categorical) else likelihood.point()
        return shown[0].to(z.device)

    return decode
