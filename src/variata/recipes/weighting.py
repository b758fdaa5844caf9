"""Rates that are weighed, held or partly paid for, and a distortion that weighs itself."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt

from variata.errors import UsageError
from variata.objectives import Capacity, Distortion, FreeBits, Objective, OptimalScale, Rate
from variata.recipes.catalogue import Composition, recipe
from variata.recipes.gaussian import Share, gaussian_model
from variata.recipes.parts import Parts
from variata.recipes.rules import few_latents, latent_by
from variata.schedules import constant, cyclical, warm_up
from variata.training import Phase

Weight = Annotated[float, Gt(0)]
Nats = Annotated[float, Ge(0)]


@recipe
def annealed_vae(parts: Parts, cycles: Annotated[int, Ge(1)] = 4, rise: Share = 0.5) -> Composition:
    """The annealed VAE: the weight of the rate rises from 0 to 1, once or again and again.

    Minimises distortion + b(t) rate. In each of the cycles b rises linearly and then stays at 1.
    One cycle is the linear annealing, several the cyclical one, whose later cycles start from a
    latent that is in use. It ends with the ELBO, by which the best weights are chosen.

    Args:
        cycles: how often the weight rises; 1 for linear annealing.
        rise: share of a cycle over which it rises.

    References:
        Generating Sentences from a Continuous Space (Bowman et al., 2015), arXiv:1511.06349
        Cyclical Annealing Schedule (Fu et al., 2019), arXiv:1903.10145
    """
    schedule = cyclical(cycles, rise)
    objective = Objective(distortion=(constant(1), Distortion()), rate=(schedule, Rate()))
    return Composition(gaussian_model(parts), [Phase(objective)])


@recipe
@latent_by(few_latents)
def capacity_vae(
    parts: Parts, capacity: Nats = 25.0, gamma: Weight = 10.0, rise: Share = 0.5
) -> Composition:
    """The VAE of controlled capacity: the rate of every example is held at a rising number of nats.

    Minimises distortion + gamma |rate - C(t)|, where C rises linearly from 0 to `capacity`, so
    that one latent dimension after the other comes into use. A gamma above what a nat of rate
    saves in distortion holds the rate at C. What is reported as ELBO is the ELBO.

    Args:
        capacity: nats at the end.
        gamma: weight of the distance between rate and C. The paper takes 1000; more than is needed
            to hold the rate slows what else is to be learned.
        rise: share of the training over which C rises.

    Reference:
        Understanding disentangling in beta-VAE (Burgess et al., 2018), arXiv:1804.03599
    """
    held = Capacity(warm_up(rise, capacity))
    objective = Objective(distortion=(constant(1), Distortion()), capacity=(constant(gamma), held))
    return Composition(gaussian_model(parts), [Phase(objective)])


@recipe
def free_bits_vae(parts: Parts, nats: Nats = 0.1) -> Composition:
    """The VAE with free bits: the first nats of every latent dimension cost nothing.

    Minimises distortion + sum_j max(nats, rate_j), with the rate of every latent dimension a mean
    over the batch. Dimensions are not given up early, when they are not yet worth their nats.
    What is reported as ELBO is the ELBO, in which all nats are paid for.

    Args:
        nats: reserved for each latent dimension; 0 makes it the ELBO.

    Reference:
        Improving Variational Inference with Inverse Autoregressive Flow (Kingma et al., 2016),
        arXiv:1606.04934
    """
    free = (constant(1), FreeBits(nats))
    objective = Objective(distortion=(constant(1), Distortion()), free_bits=free)
    return Composition(gaussian_model(parts), [Phase(objective)])


@recipe
def sigma_vae(parts: Parts) -> Composition:
    """The optimal sigma-VAE: a Gaussian likelihood whose scale is the best one at every step.

    Minimises -log N(x; mean(z), s^2) + rate, with s^2 the mean squared error of the batch: the
    balance of the two is right from the first step, with nothing to weigh. Every Gaussian
    likelihood here learns its scale; this one does not wait for it.

    Reference:
        Simple and Effective VAE Training with Calibrated Decoders (Rybkin et al., 2020),
        arXiv:2006.13202

    Raises:
        UsageError: for a likelihood that is not Gaussian.
    """
    if parts.likelihood != "gaussian":
        raise UsageError(
            "sigma_vae chooses the scale of the gaussian likelihood; this data has the "
            f"{parts.likelihood} likelihood. Use likelihood='gaussian' for real values or images "
            "in [0, 1], or the recipes vae, annealed_vae or free_bits_vae, which take any."
        )
    objective = Objective(distortion=(constant(1), OptimalScale()), rate=(constant(1), Rate()))
    return Composition(gaussian_model(parts), [Phase(objective)])
