"""Latents that are classes, drawn with a gradient while training."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt, Le

from variata.conditionals import CodesPrior, OneHotPosterior, UniformOneHot
from variata.distributions.one_hot import Estimator
from variata.models import LatentModel, Level
from variata.recipes.catalogue import Composition, recipe
from variata.recipes.conditioned import conditioned
from variata.recipes.gaussian import Share, elbo
from variata.recipes.parts import Parts, default_latent
from variata.recipes.quantised import Kind, code_prior
from variata.recipes.rules import latent_by
from variata.recipes.vae import in_two
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
    cooling_share: Share = 0.25,
    estimator: Estimator = "relaxed",
    prior: Kind = "uniform",
    warm_up_share: Share = 0.1,
    shifts: bool = True,
) -> Composition:
    """The VAE with classes for latents, by the Gumbel-softmax.

    Minimises distortion at draws that have a gradient + the KL divergence of the classes. What is
    validated and evaluated is the bound at draws of classes. A prior that knows how classes depend
    on each other is learned beside the model (`prior`), or afterwards by `refit-prior`.

    Args:
        classes: of every latent variable; latent / classes is the number of variables.
        temperature: of relaxed draws at the start.
        final_temperature: that it falls to.
        cooling_share: share of the training over which it falls.
        estimator: of gradients. "relaxed": draws while training are relaxed. "straight": they are
            classes with the gradient of relaxed ones. "reinmax": classes with a gradient of second
            order, which needs no temperature.
        prior: "uniform", from which the rate is closed, or "autoregressive" for a transformer over
            the classes that learns with the model, with the rate at a draw.
        warm_up_share: share of the training over which the weight of the rate rises to 1.
        shifts: whether images are shifted by up to a pixel in the first part.

    References:
        Categorical Reparameterization with Gumbel-Softmax (Jang, Gu and Poole, 2016),
        arXiv:1611.01144
        The Concrete Distribution (Maddison, Mnih and Teh, 2016), arXiv:1611.00712
        Bridging Discrete and Backpropagation: Straight-Through and Beyond (Liu et al., 2023),
        arXiv:2304.08612
    """
    encoder, features = parts.make_encoder()
    latent, schedule = parts.latent or 1, _cooling(temperature, final_temperature, cooling_share)
    posterior = OneHotPosterior(features, latent, classes, schedule, estimator)
    alike = prior == "uniform"
    p = UniformOneHot(latent, classes) if alike else _learned(parts, posterior, latent)
    level = Level(p, posterior)
    model = LatentModel(encoder, [conditioned(parts, level, features)], parts.make_decoder(latent))
    objective = elbo(warm_up_share)
    return Composition(model, in_two(parts, objective, objective, shifts))


def _learned(parts: Parts, posterior: OneHotPosterior, latent: int) -> CodesPrior:
    return code_prior(posterior.quantiser, latent, "autoregressive", parts.context or 0)


def _cooling(start: float, end: float, share: float) -> Schedule:
    """From one temperature to another, evenly in their logarithms."""
    cooled = warm_up(share)
    return lambda moment: start * (end / start) ** cooled(moment)
