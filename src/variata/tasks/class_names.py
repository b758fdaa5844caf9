"""What the classes of a model are called, whose first latent is one."""

from __future__ import annotations

import torch
from torch import Tensor

from variata.conditionals import ClassPosterior
from variata.errors import NoDensityError, UsageError, did_you_mean
from variata.shapes import numel
from variata.tasks.trained import Trained


def class_names(model: Trained, classes: int) -> tuple[str, ...]:
    """What the classes are called: by the labels of the data, or by their numbers."""
    names = model.schema.label_names or ()
    return names if len(names) == classes else tuple(map(str, range(classes)))


def require_classes(model: Trained) -> None:
    """Refuse a model whose first latent is no class.

    Raises:
        NoDensityError: names a recipe that has one.
    """
    levels = model.module.levels
    if not len(levels) or not isinstance(levels[0].posterior, ClassPosterior):
        raise NoDensityError(
            f"The recipe {model.recipe} knows no classes by their labels: train m2 on data of "
            "which some rows have labels."
        )


def latent_of_class(model: Trained, label: str | int) -> Tensor:
    """The first latent of a class, (C,).

    Raises:
        UsageError: for a class that there is none of.
    """
    require_classes(model)
    classes = numel(model.module.levels[0].prior(None).event_shape)  # type: ignore[operator]
    names = class_names(model, classes)
    if str(label) not in names:
        hint = did_you_mean(str(label), names)
        raise UsageError(f"There is no class '{label}'.{hint} Known: {', '.join(names)}.")
    some = next(model.module.parameters())
    return torch.eye(classes, dtype=some.dtype, device=some.device)[names.index(str(label))]
