"""Latents that are classes, relaxed while training; alone, or beside real ones."""

from __future__ import annotations

import math
from typing import Annotated

from annotated_types import Ge, Gt, Le

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
from variata.recipes.conditioned import conditioned
from variata.recipes.gaussian import Share, elbo
from variata.recipes.parts import Parts, Positive, default_latent
from variata.recipes.rules import latent_by
from variata.recipes.vae import in_two
from variata.recipes.weighed import Weight, weighed
from variata.schedules import Schedule, warm_up

Classes = Annotated[int, Ge(2), Le(2**16)]
Temperature = Annotated[float, Gt(0), Le(10)]


@recipe
@latent_by(lambda shape, own: own["classes"] * default_latent(shape))
def gumbel_vae(
    parts: Parts,
    classes: Classes = 10,
    temperature: Temperature = 1.0,
    final_temperature: Temperature = 0.5,
    cooling_share: Share = 0.5,
    straight: bool = False,
    warm_up_share: Share = 0.1,
    shifts: bool = True,
) -> Composition:
    """The VAE with classes for latents, by the Gumbel-softmax: independent, of equal prior.

    Minimises distortion at relaxed draws + the exact KL divergence of the classes. What is
    validated and evaluated is the bound at draws of classes. `refit-prior` gives it a prior that
    knows how classes depend on each other.

    Args:
        classes: of every latent variable; latent / classes is the number of variables.
        temperature: of relaxed draws at the start.
        final_temperature: that it falls to.
        cooling_share: share of the training over which it falls.
        straight: whether draws while training are classes, which have the gradient of relaxed ones.
        warm_up_share: share of the training over which the weight of the rate rises to 1.
        shifts: whether images are shifted by up to a pixel in the first part.

    References:
        Categorical Reparameterization with Gumbel-Softmax (Jang, Gu and Poole, 2016),
        arXiv:1611.01144
        The Concrete Distribution (Maddison, Mnih and Teh, 2016), arXiv:1611.00712
    """
    encoder, features = parts.make_encoder()
    latent, schedule = parts.latent or 1, _cooling(temperature, final_temperature, cooling_share)
    posterior = OneHotPosterior(features, latent, classes, schedule, straight)
    level = Level(UniformOneHot(latent, classes), posterior)
    model = LatentModel(encoder, [conditioned(parts, level, features)], parts.make_decoder(latent))
    objective = elbo(warm_up_share)
    return Composition(model, in_two(parts, objective, objective, shifts))


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


def _cooling(start: float, end: float, share: float) -> Schedule:
    """From one temperature to another, evenly in their logarithms."""
    cooled = warm_up(share)
    return lambda moment: start * (end / start) ** cooled(moment)
