"""Richer priors: the VAE whose p(z) learns the shape of what the posteriors fill."""

from __future__ import annotations

from variata.conditionals import FlowPrior, MixturePrior
from variata.recipes.catalogue import Composition, recipe
from variata.recipes.gaussian import Share
from variata.recipes.parts import Few, Parts, Positive
from variata.recipes.vae import careful


@recipe
def flow_prior(
    parts: Parts,
    couplings: Few = 6,
    width: Positive = 128,
    warm_up_share: Share = 0.3,
    tighten: Positive = 3,
    shifts: bool = True,
) -> Composition:
    """The VAE with a normalising flow as its prior, which learns where the latents are.

    Maximises the ELBO, E_q[log p(x | z) + log p(z) - log q(z | x)], where p(z) is a RealNVP of
    N(0, I). Its rate is estimated at the drawn z, since it has no closed form.

    Args:
        couplings: of the flow.
        width: of the hidden layers in each coupling.
        warm_up_share: share of the training over which the weight of the rate rises to 1; after a
            short one, latents that carry little are given up before the prior fits them.
        tighten: draws of the importance-weighted bound in the last part; 1 keeps to the ELBO.
        shifts: whether images are shifted by up to a pixel in the first part.

    References:
        Variational Lossy Autoencoder (Chen et al., 2016), arXiv:1611.02731
        Density estimation using Real NVP (Dinh et al., 2016), arXiv:1605.08803
    """
    latent = parts.latent or 1
    return careful(
        parts, lambda *_: FlowPrior(latent, couplings, width), warm_up_share, tighten, shifts
    )


@recipe
def mixture_prior(
    parts: Parts,
    modes: Positive = 20,
    warm_up_share: Share = 0.1,
    tighten: Positive = 3,
    shifts: bool = True,
) -> Composition:
    """The VAE with a mixture of Gaussians as its prior, whose modes may become clusters.

    Args:
        modes: Gaussians in the mixture.
        warm_up_share: share of the training over which the weight of the rate rises to 1.
        tighten: draws of the importance-weighted bound in the last part; 1 keeps to the ELBO.
        shifts: whether images are shifted by up to a pixel in the first part.

    Reference:
        Deep Unsupervised Clustering with Gaussian Mixture Variational Autoencoders (Dilokthanakul
        et al., 2016), arXiv:1611.02648
    """
    latent = parts.latent or 1
    return careful(parts, lambda *_: MixturePrior(latent, modes), warm_up_share, tighten, shifts)
