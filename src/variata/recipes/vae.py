"""The default recipe, and how it trains, for recipes that differ from it in the model."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge

from variata.batch import Batch
from variata.data.views import shift
from variata.objectives import ImportanceBound, Objective
from variata.recipes.catalogue import Composition, recipe
from variata.recipes.gaussian import MakePosterior, MakePrior, Share, elbo, gaussian_model
from variata.recipes.parts import SMALL_IMAGE, MakeHead, Parts
from variata.schedules import constant
from variata.shapes import Shape, numel
from variata.training import Phase

LAST, LAST_LARGE = 0.4, 0.1  # shares of training on images as they are, with the tighter bound
SHIFTABLE = 16  # smallest side of images that lose little by a shift of a pixel


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
    return careful(parts, None, warm_up_share, tighten, shifts)


def careful(
    parts: Parts,
    prior: MakePrior | None,
    warm_up_share: float,
    tighten: int,
    shifts: bool,
    head: MakeHead | None = None,
) -> Composition:
    """A Gaussian model that learns the ELBO on shifted images, then a tighter bound as they are."""
    model = gaussian_model(parts, prior=prior, head=head)
    return Composition(model, tightened(parts, warm_up_share, tighten, shifts))


def with_posterior(
    parts: Parts, posterior: MakePosterior, warm_up_share: float, tighten: int, shifts: bool
) -> Composition:
    """The same with another posterior under N(0, I)."""
    model = gaussian_model(parts, posterior)
    return Composition(model, tightened(parts, warm_up_share, tighten, shifts))


def tightened(parts: Parts, warm_up_share: float, tighten: int, shifts: bool) -> list[Phase]:
    """The ELBO on shifted images, then the bound of several draws on images as they are."""
    loose = elbo(warm_up_share)
    last = Objective(tighten, bound=(constant(1), ImportanceBound())) if tighten > 1 else loose
    return in_two(parts, loose, last, shifts)


def in_two(parts: Parts, first: Objective, last: Objective, shifts: bool) -> list[Phase]:
    """A first part of the training on shifted images, and a last one on images as they are."""
    view = _shifted if shifts and _large_image(parts.shape) else None
    large = parts.network == "conv" or numel(parts.shape) > SMALL_IMAGE  # draws cost these most
    share = LAST_LARGE if large else LAST
    return [Phase(first, 1 - share, view), Phase(last, share)]


def _large_image(shape: Shape) -> bool:
    return len(shape) == 3 and min(shape[1:]) >= SHIFTABLE


def _shifted(batch: Batch) -> Batch:
    return shift(batch, background=None)
