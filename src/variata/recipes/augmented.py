"""Other views of images, by an argument of recipes."""

from __future__ import annotations

from functools import partial
from typing import Literal

from variata.data.views import affine, shift
from variata.errors import UsageError
from variata.recipes.parts import Parts
from variata.training.phase import View

Augment = Literal["none", "shift", "affine"]


def augmentation(parts: Parts, augment: Augment) -> View | None:
    """What is done to a batch of images, in values that the likelihood knows.

    Raises:
        UsageError: for data that are no images.
    """
    if augment == "none":
        return None
    if len(parts.shape) != 3:
        raise UsageError(f"Another view of examples needs images; these are {parts.shape}.")
    if augment == "shift":
        return partial(shift, background=None)
    levels = 2 if parts.likelihood == "bernoulli" else parts.levels
    return partial(affine, levels=levels)
