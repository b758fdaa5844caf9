"""Classes as latents that some rows have labels for."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Annotated, Literal

from annotated_types import Ge, Le, Lt

from variata.conditionals import (
    BesideSeen,
    ClassPosterior,
    ConditionedPosterior,
    GaussianPosterior,
    JoinCondition,
    OfEncoder,
    StandardNormal,
    UniformOneHot,
    append,
)
from variata.data.views import affine, shift
from variata.errors import UsageError
from variata.models import LatentModel, Level
from variata.objectives import ClassBalance, Classification, EnumeratedBound, Objective
from variata.recipes.catalogue import Composition, recipe
from variata.recipes.parts import Parts
from variata.recipes.weighed import Weight
from variata.schedules import constant, warm_up
from variata.training import Phase
from variata.training.phase import View

Augment = Literal["none", "shift", "affine"]


@recipe
def m2(
    parts: Parts,
    classes: Annotated[int, Ge(2), Le(1_000)] | None = None,
    alpha: Weight = 50.0,
    balance: Weight = 10.0,
    augment: Augment = "none",
    labelled_share: Annotated[float, Ge(0), Lt(1)] = 0.1,
    warm_up_share: Annotated[float, Ge(0), Le(1)] = 0.2,
) -> Composition:
    """The semi-supervised VAE (M2): a class and a style, of which few rows need a label.

    p(x | y, z) p(y) p(z) with q(y | x) q(z | x, y). Rows with a label (`--label COLUMN`, or those
    that the data has; -1 is unknown) pay the bound of log p(x, y) and alpha times -log q(y | x);
    the others pay the bound of log p(x), in which y is summed over exactly. `variata classify`
    gives the classes of any rows.

    Args:
        classes: how many; by default as many as the data has.
        alpha: weight of the classification of rows with a label.
        balance: weight of the divergence of the mean of q(y | x) over a batch from p(y), which
            keeps classes in use; for data whose classes are about as frequent as each other.
        augment: what is done to images while training: "none", "shift" by a pixel, or "affine",
            small rotations, scalings, shears and shifts.
        labelled_share: of the rows shown, those with a label, which are repeated until they are.
        warm_up_share: share of the training over which the bound's weight rises to 1.

    Reference:
        Semi-Supervised Learning with Deep Generative Models (Kingma et al., 2014),
        arXiv:1406.5298
    """
    if classes is None:
        raise UsageError(
            "m2 learns from labels, and there are none: name their column with --label, use data "
            "with labels, or say how many classes there are."
        )
    objective = Objective(
        bound=(warm_up(warm_up_share), EnumeratedBound()),
        classification=(constant(alpha), Classification()),
        balance=(constant(balance), ClassBalance()),
    )
    phase = Phase(objective, view=augmentation(parts, augment))
    return Composition(class_model(parts, classes), [phase], labelled_share=labelled_share)


def class_model(parts: Parts, classes: int) -> LatentModel:
    """A level for the class, read by a classifier of its own, above a Gaussian one."""
    parts, latent = replace(parts, linear=False), parts.latent or 1
    context = parts.context or 0
    image = len(parts.shape) == 3 and min(parts.shape[1:]) > 3
    seeing = replace(parts, network="conv" if image else "mlp", encoder=None)
    classifier, seen = seeing.make_encoder()
    encoder, features = parts.make_encoder()
    below = context + classes
    style = ConditionedPosterior(GaussianPosterior(features, latent), features, below, shared=False)
    levels = [
        Level(
            UniformOneHot(classes, classes),
            ClassPosterior(classifier, seen, classes, context),
            append,
        ),
        Level(StandardNormal(latent), OfEncoder(style), JoinCondition(below)),
    ]
    return LatentModel(BesideSeen(encoder), levels, parts.make_decoder(latent + classes))


def augmentation(parts: Parts, augment: Augment) -> View | None:
    """What is done to a batch of images, in values that the likelihood knows.

    Raises:
        UsageError: for data that are no images.
    """
    if augment == "none":
        return None
    if len(parts.shape) != 3:
        raise UsageError(f"augment={augment!r} needs images; these examples are {parts.shape}.")
    if augment == "shift":
        return partial(shift, background=None)
    levels = 2 if parts.likelihood == "bernoulli" else parts.levels
    return partial(affine, levels=levels)
