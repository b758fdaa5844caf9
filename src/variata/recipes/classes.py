"""What recipes with a class among their latents share."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from annotated_types import Ge, Le
from torch import nn

from variata.conditionals import (
    BesideSeen,
    ClassPosterior,
    ConditionedPosterior,
    GaussianPosterior,
    GaussianPrior,
    JoinCondition,
    OfEncoder,
    StandardNormal,
    UniformOneHot,
)
from variata.errors import UsageError
from variata.models import Level
from variata.models import level as levels
from variata.nn import Dense
from variata.objectives import ClassBalance, Classification, Objective, Term
from variata.recipes.augmented import Augment, agreeing, augmentation
from variata.recipes.conditioned import conditioned
from variata.recipes.parts import Parts, default_hidden
from variata.schedules import constant, warm_up
from variata.training import Phase

Classes = Annotated[int, Ge(2), Le(1_000)]


def known_classes(recipe: str, classes: int | None) -> int:
    """How many classes there are.

    Raises:
        UsageError: nobody has said, and the data has no labels.
    """
    if classes is None:
        raise UsageError(
            f"{recipe} learns from labels, and there are none: name their column with --label, use "
            "data with labels, say how many classes there are, or find clusters with vade."
        )
    return classes


def class_level(parts: Parts, classes: int) -> Level:
    """A class y, told by a classifier of its own, which convolves over images; [y, c] goes down."""
    context = parts.context or 0
    image = len(parts.shape) == 3 and min(parts.shape[1:]) > 3
    seeing = replace(parts, network="conv" if image else "mlp", encoder=None, linear=False)
    posterior = ClassPosterior(*seeing.make_encoder(), classes, context)
    merge = JoinCondition(context) if context else levels.replace
    return Level(UniformOneHot(classes, classes), posterior, merge)


def style_level(features: int, latent: int, above: int) -> Level:
    """A Gaussian whose posterior knows the class; [z, y, c] goes down."""
    head = GaussianPosterior(features, latent)
    posterior = ConditionedPosterior(head, features, above, shared=False)
    return Level(StandardNormal(latent), OfEncoder(posterior), JoinCondition(above))


def code_level(parts: Parts, features: int, above: int) -> Level:
    """A Gaussian whose prior is a network of class and style, and whose posterior is not."""
    latent, told = parts.latent or 1, above + (parts.context or 0)
    width = (parts.hidden or default_hidden(parts.shape))[-1]
    prior = nn.Sequential(Dense(told, width), GaussianPrior(width, latent))
    level = conditioned(parts, Level(prior, GaussianPosterior(features, latent)), features, above)
    return Level(level.prior, level.posterior and OfEncoder(level.posterior), level.merge)


def seeing_encoder(parts: Parts) -> tuple[nn.Module, int]:
    """An encoder that hands on the example to the classifier, and the number of its features."""
    encoder, features = parts.make_encoder()
    return BesideSeen(encoder), features


def few_labels(
    parts: Parts,
    bound: Term,
    alpha: float,
    balance: float,
    consistency: float,
    augment: Augment,
    warm_up_share: float,
) -> Phase:
    """The bound, whose weight rises, beside what is asked of q(y | x)."""
    objective = Objective(
        1,
        bound=(warm_up(warm_up_share), bound),
        classification=(constant(alpha), Classification()),
        balance=(constant(balance), ClassBalance()),
        **agreeing(parts, consistency),
    )
    return Phase(objective, view=augmentation(parts, augment))
