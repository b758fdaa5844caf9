"""Many levels of latents, at the positions of grids that grow finer from the top down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from variata.conditionals import (
    Decoder,
    Descent,
    GaussianPosterior,
    GridGaussian,
    GridMerge,
    Pick,
    StandardNormal,
    Unfold,
)
from variata.errors import UsageError
from variata.models import LatentModel, Level
from variata.nn import PixelDecoder, Pyramid, grids
from variata.recipes.catalogue import Composition, recipe
from variata.recipes.conditioned import conditioned
from variata.recipes.gaussian import Share
from variata.recipes.parts import Few, Parts, Positive
from variata.recipes.rules import latent_by
from variata.recipes.vae import tightened
from variata.shapes import Shape

LATENT = 8  # channels of z, unless told
VECTOR = 4  # times the channels: features and state at the top


@recipe
@latent_by(lambda shape, own: LATENT)
def deep_vae(
    parts: Parts,
    depth: Few = 5,
    width: Positive = 32,
    scales: Few = 2,
    warm_up_share: Share = 0.1,
    tighten: Positive = 1,
    shifts: bool = True,
) -> Composition:
    """The deep VAE: many levels of latents, a vector on top and grids that grow finer below it.

    Maximises the ELBO of p(x | z) prod_l p(z_l | z_<l), whose levels are inferred in the order they
    generate in, each from what came down and the features of its grid, of a convolutional network.
    What goes down is a sum of what all levels add. `latent` is the width of the vector on top, and
    of every place of a grid.

    Args:
        depth: levels of latents: one vector, and the others shared out evenly over the grids.
        width: channels.
        scales: grids that carry latents, from the coarsest (28 x 28 has 4 x 4, 7 x 7, 14 x 14,
            28 x 28).
        warm_up_share: share of the training over which the weight of the rate rises to 1.
        tighten: draws of the importance-weighted bound in the last part; 1 keeps to the ELBO.
        shifts: whether images are shifted by up to a pixel in the first part.

    References:
        Very Deep VAEs Generalize Autoregressive Models (Child, 2020), arXiv:2011.10650
        NVAE: A Deep Hierarchical Variational Autoencoder (Vahdat and Kautz, 2020), arXiv:2007.03898
    """
    _refuse(parts)
    counts, sizes = shared(depth - 1, scales, parts.shape), grids(parts.shape)
    places = [place for place, count in enumerate(counts) for _ in range(count)]
    ends = [*places, places[-1] if places else 0]  # where each level leads to
    levels = [_top(parts, width, sizes[ends[0]])]
    for place, end in pairwise(ends):
        levels.append(_level(parts, width, depth, place, sizes[place : end + 1]))
    head: Any = parts.make_head()
    encoder = parts.reading(Pyramid(parts.read_shape, width, VECTOR * width, counts))
    decoder = PixelDecoder(parts.shape, head.per_element, width, ends[-1])
    model = LatentModel(encoder, levels, Decoder(decoder, head, parts.shape))
    heavy = replace(parts, network="conv")  # whatever network suits other recipes
    return Composition(model, tightened(heavy, warm_up_share, tighten, shifts))


def shared(levels: int, scales: int, shape: Shape) -> list[int]:
    """Levels at each grid of an image, of which so many have some.

    >>> shared(4, 2, (1, 28, 28)), shared(5, 3, (1, 28, 28)), shared(2, 9, (3, 5, 5))
    ([2, 2, 0, 0], [1, 2, 2, 0], [1, 1])
    """
    count = len(grids(shape))
    used = min(scales, count)
    each, more = divmod(levels, used)
    return [each + (i >= used - more) if i < used else 0 for i in range(count)]


def _top(parts: Parts, width: int, size: Shape) -> Level:
    """A level of vectors, above the grids, which knows the condition where there is one."""
    latent, vector = parts.latent or 1, VECTOR * width
    head, merge = GaussianPosterior(vector, latent), Descent(0, latent, vector)
    level: Any = conditioned(parts, Level(StandardNormal(latent), head, merge), vector)
    unfold = Unfold(level.merge, vector + (parts.context or 0), width, size)
    return Level(level.prior, Pick(level.posterior, 0), unfold)


def _level(parts: Parts, width: int, depth: int, place: int, sizes: Sequence[Shape]) -> Level:
    latent = parts.latent or 1
    posterior = GridGaussian(width, latent, place + 1)
    merge = GridMerge(width, latent, depth**-0.5, sizes)
    return Level(GridGaussian(width, latent), posterior, merge)


def _refuse(parts: Parts) -> None:
    if len(parts.shape) != 3:
        raise UsageError(
            "deep_vae has latents at the positions of images (C, H, W); these examples are "
            f"{parts.shape}. Recipes that suit them: ladder_vae, flow_prior, vae."
        )
    if parts.encoder is not None or parts.decoder is not None:
        raise UsageError(
            "deep_vae has networks of its own, whose levels belong together: leave encoder= and "
            "decoder= out, or take ladder_vae."
        )
