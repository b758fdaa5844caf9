"""A Gaussian level that should tell more about examples, and still fill the prior."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Le

from variata.errors import UsageError
from variata.objectives import MMD, Rate
from variata.recipes.catalogue import Composition, recipe
from variata.recipes.gaussian import Share, gaussian_model
from variata.recipes.parts import Parts
from variata.recipes.weighed import Weight, weighed


@recipe
def info_vae(
    parts: Parts,
    alpha: Annotated[float, Le(1)] = 0.0,
    lambda_prior: Weight = 100.0,
    warm_up_share: Share = 0.1,
) -> Composition:
    """The InfoVAE: a rate that costs less, and a distance of q(z) from the prior that costs more.

    Minimises distortion + (1 - alpha) rate + (alpha + lambda_prior - 1) MMD(q(z), p(z)), the MMD
    squared, unbiased and with inverse multiquadric kernels, over the batch (or each piece of it).
    alpha = 1 is the MMD-VAE. What is reported as ELBO is the ELBO, with alpha = 0 and no MMD.

    Args:
        alpha: weight of the information that latents should hold about examples; at most 1.
        lambda_prior: weight of the distance from the prior; at least 1 - alpha.
        warm_up_share: share of the training over which the weights rise.

    Reference:
        InfoVAE: Information Maximizing Variational Autoencoders (Zhao et al., 2017),
        arXiv:1706.02262
    """
    weight = alpha + lambda_prior - 1
    if weight < 0:
        raise UsageError(
            f"info_vae would drive q(z) away from the prior: alpha + lambda_prior - 1 is {weight:g}"
            f" and must be at least 0. Use a lambda_prior of {1 - alpha:g} or more."
        )
    terms = {"rate": (1 - alpha, Rate()), "mmd": (weight, MMD())}
    return weighed(gaussian_model(parts), warm_up_share, **terms)
