"""Tighter bounds: several draws of every latent, weighed by their importance."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge

from variata.objectives import (
    Distortion,
    DoublyReparametrised,
    ImportanceBound,
    Objective,
    PartiallyImportanceWeighted,
    Rate,
    Term,
)
from variata.recipes.catalogue import Composition, recipe
from variata.recipes.gaussian import Share, gaussian_model
from variata.recipes.parts import Parts
from variata.schedules import constant
from variata.training import Phase

Draws = Annotated[int, Ge(1)]


@recipe
def iwae(parts: Parts, draws: Draws = 5, groups: Draws = 1) -> Composition:
    """The importance-weighted autoencoder: a bound that is tighter, the more draws it takes.

    Maximises E[log 1/K sum_k p(x, z_k) / q(z_k | x)], z_k drawn from q: with K = 1 the ELBO, and
    rising to log p(x) with K. A step costs about K times the decoder's work.

    Args:
        draws: K.
        groups: M, of K draws each, over whose bounds the mean is taken (MIWAE): less noise in the
            gradient, for M times the draws.

    References:
        Importance Weighted Autoencoders (Burda et al., 2015), arXiv:1509.00519
        Tighter Variational Bounds are Not Necessarily Better (Rainforth et al., 2018),
        arXiv:1802.04537
    """
    return _bounded(parts, groups * draws, ImportanceBound(groups))


@recipe
def dreg(parts: Parts, draws: Draws = 5) -> Composition:
    """The importance-weighted autoencoder with a doubly reparametrised gradient.

    Maximises the bound of `iwae`. The gradient of its encoder has the same expectation, and less
    noise once q is near the posterior: squared shares of the weights,
    sum_k (w_k / sum_j w_j)^2 d log w_k / d z_k, through the draws alone. What is reported is the
    bound.

    Args:
        draws: K.

    Reference:
        Doubly Reparameterized Gradient Estimators for Monte Carlo Objectives (Tucker et al.,
        2018), arXiv:1810.04152
    """
    return _bounded(parts, draws, DoublyReparametrised())


@recipe
def piwae(parts: Parts, draws: Draws = 4, groups: Draws = 4) -> Composition:
    """The partially importance-weighted autoencoder: a bound for each of the two networks.

    Of M groups of K draws, the decoder maximises the bound of all M K draws,
    log 1/(MK) sum_mk w_mk, and the encoder the mean of the M bounds of K draws,
    1/M sum_m log 1/K sum_k w_mk, which tells it more. What is reported is the bound of all.

    Args:
        draws: K, of a group.
        groups: M.

    Reference:
        Tighter Variational Bounds are Not Necessarily Better (Rainforth et al., 2018),
        arXiv:1802.04537
    """
    return _bounded(parts, groups * draws, PartiallyImportanceWeighted(groups))


@recipe
def ciwae(parts: Parts, draws: Draws = 5, elbo_share: Share = 0.05) -> Composition:
    """The combined bound: a share of the ELBO beside the importance-weighted bound.

    Maximises b ELBO + (1 - b) IWAE_K on the same K draws: the ELBO's gradient keeps the encoder
    informed where that of a tight bound has little to tell it. The ELBO's rate is the closed one.

    Args:
        draws: K.
        elbo_share: b (the paper's beta), the weight of the ELBO.

    Reference:
        Tighter Variational Bounds are Not Necessarily Better (Rainforth et al., 2018),
        arXiv:1802.04537
    """
    share = constant(elbo_share)
    objective = Objective(
        draws,
        distortion=(share, Distortion()),
        rate=(share, Rate()),
        bound=(constant(1 - elbo_share), ImportanceBound()),
    )
    return Composition(gaussian_model(parts), [Phase(objective)])


def _bounded(parts: Parts, samples: int, term: Term) -> Composition:
    objective = Objective(samples, bound=(constant(1), term))
    return Composition(gaussian_model(parts), [Phase(objective)])
