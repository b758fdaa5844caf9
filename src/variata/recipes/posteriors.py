"""Richer posteriors: the VAE whose q(z | x) is more than independent Gaussians."""

from __future__ import annotations

from typing import Literal

from variata.conditionals import CovariancePosterior, FlowPosterior
from variata.nn import Affine, MaskedStep, Spline
from variata.recipes.catalogue import Composition, recipe
from variata.recipes.gaussian import Share
from variata.recipes.parts import Few, Parts, Positive
from variata.recipes.vae import with_posterior


@recipe
def covariance_vae(
    parts: Parts,
    covariance: Literal["full", "low_rank"] = "full",
    rank: Few = 4,
    warm_up_share: Share = 0.1,
    tighten: Positive = 3,
    shifts: bool = True,
) -> Composition:
    """The VAE whose posterior knows how latent dimensions depend on each other, given x.

    Maximises the ELBO with q(z | x) = N(m, C), whose divergence from N(0, I) is closed. C = F F^T
    with a Cholesky factor F, or C = S (I + V V^T) S with a diagonal S and few columns in V.

    Args:
        covariance: "full", of latent^2 / 2 numbers for each example, or "low_rank".
        rank: columns of V.
        warm_up_share: share of the training over which the weight of the rate rises to 1.
        tighten: draws of the importance-weighted bound in the last part; 1 keeps to the ELBO.
        shifts: whether images are shifted by up to a pixel in the first part.

    References:
        Improving Variational Inference with Inverse Autoregressive Flow (Kingma et al., 2016),
        arXiv:1606.04934 (appendix A)
        Variational Bayesian Inference with Structured Covariance: Gaussian Variational
        Approximation with a Factor Covariance Structure (Ong, Nott and Smith, 2017),
        arXiv:1701.03208
    """
    columns = rank if covariance == "low_rank" else None

    def posterior(features: int, latent: int) -> CovariancePosterior:
        return CovariancePosterior(features, latent, columns)

    return with_posterior(parts, posterior, warm_up_share, tighten, shifts)


@recipe
def flow_posterior(
    parts: Parts,
    flow: Literal["iaf", "spline"] = "iaf",
    steps: Few = 4,
    width: Positive = 128,
    bins: Few = 8,
    warm_up_share: Share = 0.1,
    tighten: Positive = 3,
    shifts: bool = True,
) -> Composition:
    """The VAE whose posterior is a flow: of any shape, with a density that its draws know.

    Maximises the ELBO with z = m + s f(e), e from N(0, I), and f a chain of autoregressive steps
    that read the encoder's features, in alternating order. Its rate is estimated at the drawn z.
    What `encode` gives is z without noise, e = 0.

    Args:
        flow: what a step does to each number: "iaf" moves and scales it, "spline" bends it by a
            rational-quadratic spline, for about four times as long a step of training.
        steps: of the flow.
        width: of the hidden layers in each step.
        bins: of every spline.
        warm_up_share: share of the training over which the weight of the rate rises to 1.
        tighten: draws of the importance-weighted bound in the last part; 1 keeps to the ELBO.
        shifts: whether images are shifted by up to a pixel in the first part.

    References:
        Improving Variational Inference with Inverse Autoregressive Flow (Kingma et al., 2016),
        arXiv:1606.04934
        Neural Spline Flows (Durkan et al., 2019), arXiv:1906.04032
    """
    function = Spline(bins) if flow == "spline" else Affine()

    def posterior(features: int, latent: int) -> FlowPosterior:
        chain = [
            MaskedStep(latent, features, function, width, reverse=i % 2 == 1) for i in range(steps)
        ]
        return FlowPosterior(features, latent, chain)

    return with_posterior(parts, posterior, warm_up_share, tighten, shifts)
