"""Images drawn pixel by pixel: latents for the whole, neighbours for the details."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from annotated_types import Ge, Le

from variata.conditionals import FlowPrior, pixel_head
from variata.errors import UsageError
from variata.recipes.catalogue import Composition, recipe
from variata.recipes.gaussian import Share
from variata.recipes.parts import Few, Parts, Positive
from variata.recipes.vae import careful

ALIKE = ("bernoulli", "categorical", "gaussian", "logistic", "logistic_mixture", "poisson")
Layers = Annotated[int, Ge(0), Le(16)]
Couplings = Annotated[int, Ge(0), Le(64)]
OF_COUPLINGS = 128  # width of their hidden layers


@recipe
def pixel_vae(
    parts: Parts,
    told: Few = 4,
    width: Positive = 32,
    layers: Layers = 2,
    alone: Layers = 1,
    couplings: Couplings = 0,
    warm_up_share: Share = 0.1,
    tighten: Positive = 3,
    shifts: bool = True,
) -> Composition:
    """The PixelVAE: a decoder that also reads the pixels before each one, so that images are sharp.

    Maximises the ELBO with p(x | z) = prod_i p(x_i | x_<i, z). A pixel sees 3 + layers rows above
    and columns beside it; what is farther away has to come through z, which therefore is not
    ignored. Samples are drawn pixel by pixel, in as many steps as there are pixels.

    Args:
        told: numbers that the decoder tells about every element, beside its parameters.
        width: channels of the network that reads pixels.
        layers: of that network, after its first.
        alone: layers of each pixel by itself, after what is told about it.
        couplings: of a flow as the prior, as in `flow_prior`; 0 for N(0, I).
        warm_up_share: share of the training over which the weight of the rate rises to 1.
        tighten: draws of the importance-weighted bound in the last part; 1 keeps to the ELBO.
        shifts: whether images are shifted by up to a pixel in the first part.

    References:
        PixelVAE: A Latent Variable Model for Natural Images (Gulrajani et al., 2016),
        arXiv:1611.05013
        Variational Lossy Autoencoder (Chen et al., 2016), arXiv:1611.02731
    """
    refuse_unreadable(parts, "pixel_vae")
    head = partial(
        pixel_head, shape=parts.shape, told=told, width=width, layers=layers, alone=alone
    )
    latent = parts.latent or 1
    flow = (lambda *_: FlowPrior(latent, couplings, OF_COUPLINGS)) if couplings else None
    return careful(parts, flow, warm_up_share, tighten, shifts, head)


def refuse_unreadable(parts: Parts, name: str) -> None:
    """Refuse data that are no images, or whose likelihood does not serve all pixels alike.

    Raises:
        UsageError: names recipes that suit them.
    """
    if len(parts.shape) != 3 or parts.likelihood not in ALIKE:
        raise UsageError(
            f"{name} reads images (C, H, W) pixel by pixel, with one of the likelihoods "
            f"{', '.join(ALIKE)}; these examples are {parts.shape}, {parts.likelihood}. Recipes "
            "that suit them: vae, iwae, flow_prior, mixture_prior."
        )
