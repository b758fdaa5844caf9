"""Classes for latents beside real ones."""

from __future__ import annotations

import math

from variata.conditionals import (
    GaussianPosterior,
    OneHotPosterior,
    StandardNormal,
    UniformOneHot,
    append,
)
from variata.models import LatentModel, Level
from variata.objectives import Capacity
from variata.recipes.catalogue import Composition, recipe
from variata.recipes.categorical import Classes, Temperature
from variata.recipes.conditioned import conditioned
from variata.recipes.gaussian import Share
from variata.recipes.parts import Parts, Positive
from variata.recipes.weighed import Weight, weighed
from variata.schedules import warm_up


@recipe
def joint_vae(
    parts: Parts,
    classes: Classes = 10,
    variables: Positive = 1,
    gamma: Weight = 30.0,
    nats: Weight = 25.0,
    class_nats: Weight = 2.0,
    rise_share: Share = 0.5,
    temperature: Temperature = 0.67,
) -> Composition:
    """The JointVAE: classes beside real latents, each held at a rising number of nats.

    Minimises distortion + gamma |rate of classes - C_c| + gamma |rate of real latents - C|, where
    both C rise from 0. `latent` counts the real ones.

    Args:
        classes: of every variable.
        variables: how many.
        gamma: weight of the distance from C.
        nats: what C rises to for real latents.
        class_nats: the same for classes, at most variables * log classes.
        rise_share: share of the training over which both rise.
        temperature: of relaxed draws of classes.

    Reference:
        Learning Disentangled Joint Continuous and Discrete Representations (Dupont, 2018),
        arXiv:1804.00104
    """
    encoder, features = parts.make_encoder()
    latent, width = parts.latent or 1, classes * variables
    most = variables * math.log(classes)
    kinds = OneHotPosterior(features, width, classes, lambda moment: temperature)
    real = Level(StandardNormal(latent), GaussianPosterior(features, latent), append)
    levels = [
        conditioned(parts, Level(UniformOneHot(width, classes), kinds), features),
        conditioned(parts, real, features, above=width),
    ]
    model = LatentModel(encoder, levels, parts.make_decoder(width + latent))
    held = Capacity(warm_up(rise_share, min(class_nats, most)), level=0)
    free = Capacity(warm_up(rise_share, nats), level=1)
    return weighed(model, class_rate=(gamma, held), rate=(gamma, free))
