"""One Gaussian level: what most recipes are made of, the autoencoder and the beta-VAE."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated

from annotated_types import Ge, Gt, Le
from torch import nn

from variata.conditionals import (
    ConditionedPosterior,
    DiracPosterior,
    GaussianPosterior,
    JoinCondition,
    StandardNormal,
)
from variata.conditionals.conditioned import Merge
from variata.models import LatentModel, Level
from variata.models.level import replace
from variata.objectives import Distortion, Objective, Rate, Term
from variata.recipes.catalogue import Composition, recipe
from variata.recipes.parts import MakeHead, Parts
from variata.schedules import Schedule, constant, warm_up
from variata.training import Phase

MakePosterior = Callable[[int, int], nn.Module]
MakePrior = Callable[[nn.Module, nn.Module], nn.Module]
Share = Annotated[float, Ge(0), Le(1)]


def gaussian_model(
    parts: Parts,
    posterior: MakePosterior = GaussianPosterior,
    prior: MakePrior | None = None,
    head: MakeHead | None = None,
    merge: Merge = replace,
) -> LatentModel:
    """q(z | x) a Gaussian with a diagonal covariance and p(z) = N(0, I), unless made otherwise.

    Where there is a condition c, it is p(x | z, c) and q(z | x, c); p(z) knows nothing of c, so
    that z holds what c does not tell.

    Args:
        posterior: features, latent -> posterior.
        prior: encoder, posterior -> prior.
        head: of the likelihood -> what is put around it.
        merge: what of z goes down to the decoder.
    """
    encoder, features = parts.make_encoder()
    latent = parts.latent or 1
    q = posterior(features, latent)
    if parts.context is not None:
        q = ConditionedPosterior(q, features, parts.context)
    p = StandardNormal(latent) if prior is None else prior(encoder, q)
    merge = merge if parts.context is None else JoinCondition(parts.context, merge=merge)
    return LatentModel(encoder, [Level(p, q, merge)], parts.make_decoder(latent, head))


def point_model(parts: Parts) -> LatentModel:
    """q(z | x) a point, beside a prior N(0, I) that nothing holds it to."""
    prior = StandardNormal(parts.latent or 1, held=False)
    return gaussian_model(parts, DiracPosterior, lambda *_: prior)


@recipe
def ae(parts: Parts) -> Composition:
    """The autoencoder: a point for every example, and no prior.

    Minimises the distortion -log p(x | z) alone. It has no rate, no likelihood bound and nothing
    to sample from: it is here to be compared with.

    Reference:
        Reducing the Dimensionality of Data with Neural Networks (Hinton and Salakhutdinov, 2006)
    """
    objective = Objective(distortion=(constant(1), Distortion()))
    return Composition(point_model(parts), [Phase(objective)])


@recipe
def beta_vae(
    parts: Parts, beta: Annotated[float, Gt(0)] = 4.0, warm_up_share: Share = 0.1
) -> Composition:
    """The beta-VAE: a rate that costs more, for fewer and more separate latent dimensions.

    Minimises distortion + beta * rate, both in nats per example, so beta is the paper's, whatever
    the size of image, batch and data. What is reported as ELBO is the ELBO, with beta = 1.

    Args:
        beta: weight of the rate.
        warm_up_share: share of the training over which the weight rises to beta.

    Reference:
        beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework
        (Higgins et al., 2017)
    """
    return Composition(gaussian_model(parts), [Phase(elbo(warm_up_share, beta))])


def elbo(
    warm_up_share: float,
    beta: float = 1.0,
    further: Mapping[str, tuple[Schedule, Term]] = MappingProxyType({}),
) -> Objective:
    """Distortion plus rate, whose weight rises to beta, and further terms."""
    rate = (warm_up(warm_up_share, beta), Rate())
    return Objective(1, distortion=(constant(1), Distortion()), rate=rate, **further)
