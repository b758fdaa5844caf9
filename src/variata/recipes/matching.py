"""Autoencoders whose codes, taken together, should look like the prior."""

from __future__ import annotations

from typing import Literal

from variata.conditionals import DiracPosterior, GaussianPosterior
from variata.objectives import MMD, LatentCritic
from variata.recipes.catalogue import Composition, recipe
from variata.recipes.gaussian import gaussian_model
from variata.recipes.parts import Parts, Positive
from variata.recipes.weighed import Weight, weighed

Posterior = Literal["dirac", "gaussian"]
HEADS = {"dirac": DiracPosterior, "gaussian": GaussianPosterior}


@recipe
def wae_mmd(
    parts: Parts,
    weight: Weight = 1000.0,
    kernel: Literal["imq", "rbf"] = "imq",
    posterior: Posterior = "dirac",
) -> Composition:
    """The Wasserstein autoencoder with MMD: points as codes, matched to the prior by kernels.

    Minimises distortion + weight MMD(q(z), p(z)), the MMD squared and unbiased, over the batch (or
    each piece of it, where it is taken in pieces). With point posteriors there is no rate and so no
    likelihood: evaluation then reports distortion, reconstructions, active units and samples, and
    no ELBO, bits or prior gap. With Gaussian ones the rate is reported, but not minimised.

    Args:
        weight: of the squared MMD, whose kernels lie between 0 and 1.
        kernel: "imq" or "rbf", in seven widths each.
        posterior: "dirac" for points, "gaussian" for a width that is learned.

    Reference:
        Wasserstein Auto-Encoders (Tolstikhin et al., 2017), arXiv:1711.01558
    """
    return weighed(gaussian_model(parts, HEADS[posterior]), mmd=(weight, MMD(kernel)))


@recipe
def wae_gan(
    parts: Parts,
    weight: Weight = 10.0,
    posterior: Posterior = "dirac",
    critic_width: Positive = 256,
    informed: bool = False,
) -> Composition:
    """The Wasserstein autoencoder with a critic that tells codes from draws of the prior.

    Minimises distortion - weight log D(z) in one step, the critic D moving beside the model. What
    can be evaluated is as for wae_mmd: without a width of the posterior, no rate and no likelihood.
    The last weights are kept: the critic's judgement at different times cannot be compared.

    Args:
        weight: of the critic's judgement.
        posterior: "dirac" for points, "gaussian" for a width that is learned.
        critic_width: of the critic's three layers.
        informed: whether the critic is given the density of the prior, as the authors offer; with
            many latent dimensions it then takes longer to learn that of the posterior.

    Reference:
        Wasserstein Auto-Encoders (Tolstikhin et al., 2017), arXiv:1711.01558
    """
    critic = LatentCritic(parts.latent or 1, critic_width, informed)
    return weighed(gaussian_model(parts, HEADS[posterior]), critic=(weight, critic))


@recipe
def aae(
    parts: Parts,
    weight: Weight = 10.0,
    posterior: Posterior = "dirac",
    critic_width: Positive = 256,
) -> Composition:
    """The adversarial autoencoder: a critic tells codes from draws of the prior.

    Minimises distortion - weight log D(z), the loss that does not saturate, where the paper takes
    steps for both in turn: wae_gan without the density of the prior. What can be evaluated is as
    for wae_mmd: without a width of the posterior, no rate and no likelihood. The last weights are
    kept, as for wae_gan.

    Args:
        weight: of the critic's judgement.
        posterior: "dirac" for points, "gaussian" for a width that is learned.
        critic_width: of the critic's three layers.

    Reference:
        Adversarial Autoencoders (Makhzani et al., 2015), arXiv:1511.05644
    """
    critic = LatentCritic(parts.latent or 1, critic_width)
    return weighed(gaussian_model(parts, HEADS[posterior]), critic=(weight, critic))
