"""Other views of images, by an argument of recipes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

from torch import Tensor

from variata.data.views import affine, shift
from variata.errors import UsageError
from variata.models import Stage
from variata.objectives import Consistency, Term, told_by_level
from variata.recipes.parts import Parts
from variata.schedules import Schedule, constant
from variata.training.phase import View

Augment = Literal["none", "shift", "affine"]
Told = Callable[[Sequence[Stage]], Tensor]


def augmentation(parts: Parts, augment: Augment) -> View | None:
    """What is done to a batch of images, in values that the likelihood knows.

    Raises:
        UsageError: for data that are no images.
    """
    if augment == "none":
        return None
    if len(parts.shape) != 3:
        raise UsageError(
            f"Other views of examples are those of images, and these are {parts.shape}: leave "
            "--augment and --consistency out."
        )
    if augment == "shift":
        return partial(shift, background=None)
    levels = 2 if parts.likelihood == "bernoulli" else parts.levels
    return partial(affine, levels=levels)


def agreeing(
    parts: Parts, weight: float, told: Told = told_by_level, temperature: float = 1.0
) -> dict[str, tuple[Schedule, Term]]:
    """The term that asks the same class of two affine views of an image, by its name.

    Raises:
        UsageError: for data that are no images.
    """
    view = augmentation(parts, "affine" if weight else "none")
    return {"consistency": (constant(weight), Consistency(view, told, temperature))} if view else {}
