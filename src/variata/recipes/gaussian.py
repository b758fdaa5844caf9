"""One Gaussian level: the autoencoder, the VAE and the beta-VAE."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from annotated_types import Ge, Gt, Le
from torch import nn

from variata.batch import Batch
from variata.conditionals import DiracPosterior, GaussianPosterior, StandardNormal
from variata.data.views import shift
from variata.models import LatentModel, Level
from variata.objectives import Distortion, ImportanceBound, Objective, Rate
from variata.recipes.catalogue import Composition, recipe
from variata.recipes.parts import SMALL_IMAGE, Parts
from variata.schedules import constant, warm_up
from variata.shapes import Shape, numel
from variata.training import Phase

Share = Annotated[float, Ge(0), Le(1)]
LAST, LAST_LARGE = 0.4, 0.1  # shares of training on images as they are, with the tighter bound
SHIFTABLE = 16  # smallest side of images that lose little by a shift of a pixel


def gaussian_model(
    parts: Parts, posterior: Callable[[int, int], nn.Module] = GaussianPosterior
) -> LatentModel:
    """p(z) = N(0, I) and q(z | x) a Gaussian with a diagonal covariance, or another posterior."""
    encoder, features = parts.make_encoder()
    latent = parts.latent or 1
    level = Level(StandardNormal(latent), posterior(features, latent))
    return LatentModel(encoder, [level], parts.make_decoder(latent))


@recipe
def ae(parts: Parts) -> Composition:
    """The autoencoder: a point for every example, and no prior.

    Minimises the distortion -log p(x | z) alone. It has no rate, no likelihood bound and nothing
    to sample from: it is here to be compared with.

    Reference:
        Reducing the Dimensionality of Data with Neural Networks (Hinton and Salakhutdinov, 2006)
    """
    model = gaussian_model(parts, DiracPosterior)
    return Composition(model, [Phase(Objective(distortion=(constant(1), Distortion())))])


@recipe
def vae(
    parts: Parts,
    warm_up_share: Share = 0.1,
    tighten: Annotated[int, Ge(1)] = 3,
    shifts: bool = True,
) -> Composition:
    """The variational autoencoder: distortion plus rate, in nats, with nothing to weigh.

    Maximises the ELBO, E_q[log p(x | z)] - KL(q(z | x) || p(z)). The likelihood is calibrated (its
    scale is learned), so there is no weight between the two. Images are shown shifted by up to a
    pixel for most of the training, then as they are; there the bound is tightened by several draws.

    Args:
        warm_up_share: share of the training over which the weight of the rate rises to 1.
        tighten: draws of the importance-weighted bound in the last part; 1 keeps to the ELBO.
        shifts: whether images are shifted by up to a pixel in the first part.

    References:
        Auto-Encoding Variational Bayes (Kingma and Welling, 2013), arXiv:1312.6114
        Importance Weighted Autoencoders (Burda et al., 2015), arXiv:1509.00519
    """
    elbo = _elbo(warm_up_share, 1.0)
    last = Objective(tighten, bound=(constant(1), ImportanceBound())) if tighten > 1 else elbo
    view = _shifted if shifts and _large_image(parts.shape) else None
    large = parts.network == "conv" or numel(parts.shape) > SMALL_IMAGE  # draws cost these most
    share = LAST_LARGE if large else LAST
    phases = [Phase(elbo, 1 - share, view), Phase(last, share)]
    return Composition(gaussian_model(parts), phases)


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
    return Composition(gaussian_model(parts), [Phase(_elbo(warm_up_share, beta))])


def _large_image(shape: Shape) -> bool:
    return len(shape) == 3 and min(shape[1:]) >= SHIFTABLE


def _shifted(batch: Batch) -> Batch:
    return shift(batch, background=None)


def _elbo(warm_up_share: float, beta: float) -> Objective:
    return Objective(
        distortion=(constant(1), Distortion()), rate=(warm_up(warm_up_share, beta), Rate())
    )
