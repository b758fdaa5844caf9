"""Several levels of latents, each knowing those above it."""

from __future__ import annotations

from variata.conditionals import (
    Descent,
    GaussianPosterior,
    GaussianPrior,
    StandardNormal,
    TopDownPosterior,
)
from variata.models import LatentModel, Level
from variata.recipes.catalogue import Composition, recipe
from variata.recipes.conditioned import conditioned
from variata.recipes.gaussian import Share
from variata.recipes.parts import Few, Parts, Positive, default_latent
from variata.recipes.rules import latent_by
from variata.recipes.vae import tightened


@recipe
@latent_by(lambda shape, own: max(1, default_latent(shape) // own["steps"]))
def ladder_vae(
    parts: Parts,
    steps: Few = 3,
    width: Positive = 256,
    warm_up_share: Share = 0.1,
    tighten: Positive = 3,
    shifts: bool = True,
) -> Composition:
    """The ladder VAE: latents in steps from the top down, inferred in the order they generate in.

    Maximises the ELBO of p(x | z) prod_l p(z_l | z_<l) with q(z_l | z_<l, x) at every step. Here
    posteriors are networks of the encoder's features and of what came down, where the paper takes
    precision-weighted products of the two. `latent` counts the dimensions of each step.

    Args:
        steps: levels of latents.
        width: of what goes down from one to the next.
        warm_up_share: share of the training over which the weight of the rate rises to 1.
        tighten: draws of the importance-weighted bound in the last part; 1 keeps to the ELBO.
        shifts: whether images are shifted by up to a pixel in the first part.

    References:
        Ladder Variational Autoencoders (Sonderby et al., 2016), arXiv:1602.02282
        Very Deep VAEs Generalize Autoregressive Models (Child, 2020), arXiv:2011.10650
    """
    encoder, features = parts.make_encoder()
    levels = [_level(parts, features, width if i else 0, width) for i in range(steps)]
    model = LatentModel(encoder, levels, parts.make_decoder(width))
    return Composition(model, tightened(parts, warm_up_share, tighten, shifts))


def _level(parts: Parts, features: int, above: int, width: int) -> Level:
    latent = parts.latent or 1
    merge = Descent(above, latent, width)
    if not above:
        top = Level(StandardNormal(latent), GaussianPosterior(features, latent), merge)
        return conditioned(parts, top, features)
    level = Level(GaussianPrior(above, latent), TopDownPosterior(features, above, latent), merge)
    return conditioned(parts, level, features, above)
