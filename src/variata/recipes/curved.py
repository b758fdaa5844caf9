"""Latents in curved spaces: on a sphere, and in hyperbolic space."""

from __future__ import annotations

from typing import Literal

from variata.conditionals import (
    HyperbolicPosterior,
    SphericalPosterior,
    UniformOnSphere,
    by_direction,
)
from variata.recipes.catalogue import Composition, recipe
from variata.recipes.gaussian import Share, gaussian_model
from variata.recipes.parts import Parts, Positive
from variata.recipes.rules import few_latents, latent_by
from variata.recipes.vae import tightened, with_posterior


@recipe
@latent_by(few_latents)
def spherical_vae(
    parts: Parts,
    distribution: Literal["power_spherical", "von_mises_fisher"] = "power_spherical",
    warm_up_share: Share = 0.1,
    tighten: Positive = 3,
    shifts: bool = True,
) -> Composition:
    """The VAE with latents on a sphere, all of which are alike to its uniform prior.

    Maximises the ELBO; the divergence from the uniform density is closed. `latent` counts the
    dimensions of the space around the sphere. The prior does not pull latents to a centre.
    `interpolate` follows great circles, and `decode` takes any vector by its direction.

    Args:
        distribution: of z given x. Power Spherical is drawn exactly; von Mises-Fisher by its
            quantiles on a grid.
        warm_up_share: share of the training over which the weight of the rate rises to 1.
        tighten: draws of the importance-weighted bound in the last part; 1 keeps to the ELBO.
        shifts: whether images are shifted by up to a pixel in the first part.

    References:
        Hyperspherical Variational Auto-Encoders (Davidson et al., 2018), arXiv:1804.00891
        The Power Spherical Distribution (De Cao and Aziz, 2020), arXiv:2006.04437
    """
    model = gaussian_model(
        parts,
        lambda features, latent: SphericalPosterior(features, latent, distribution),
        lambda *_: UniformOnSphere(parts.latent or 1),
        merge=by_direction,
    )
    return Composition(model, tightened(parts, warm_up_share, tighten, shifts))


@recipe
@latent_by(few_latents)
def hyperbolic_vae(
    parts: Parts, warm_up_share: Share = 0.1, tighten: Positive = 3, shifts: bool = True
) -> Composition:
    """The VAE with latents in hyperbolic space, whose room grows exponentially, as trees do.

    Maximises the ELBO with wrapped normals for prior and posterior; the rate is estimated at the
    drawn z. A latent is given by the way to it from the origin: direction, and distance as
    length. In these coordinates the prior is N(0, I), and the decoder reads them. `interpolate`
    follows geodesics. Few latent dimensions, 2 to 10, show the difference.

    Args:
        warm_up_share: share of the training over which the weight of the rate rises to 1.
        tighten: draws of the importance-weighted bound in the last part; 1 keeps to the ELBO.
        shifts: whether images are shifted by up to a pixel in the first part.

    References:
        A Wrapped Normal Distribution on Hyperbolic Space for Gradient-Based Learning (Nagano et
        al., 2019), arXiv:1902.02992
        Continuous Hierarchical Representations with Poincare Variational Auto-Encoders (Mathieu
        et al., 2019), arXiv:1901.06033
    """
    return with_posterior(parts, HyperbolicPosterior, warm_up_share, tighten, shifts)
