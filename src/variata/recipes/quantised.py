"""Latents that are codes: of learned vectors, in levels, or of a grid of numbers."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Le

from variata.conditionals import CodesPrior, QuantisedPosterior
from variata.models import LatentModel, Level
from variata.nn import CausalTransformer, Codebook, ScalarGrid
from variata.objectives import CodebookError, Commitment, Distortion, Objective, Rate
from variata.recipes.catalogue import Composition, latent_by, recipe
from variata.recipes.conditioned import conditioned
from variata.recipes.parts import Parts, Positive, default_latent
from variata.recipes.vae import in_two
from variata.recipes.weighed import Weight
from variata.schedules import constant
from variata.shapes import Shape

Kind = Literal["autoregressive", "uniform"]
Update = Literal["ema", "gradient"]
Size = Annotated[int, Ge(2), Le(2**16)]
USUAL = 4  # numbers of the latent for each code


def positions(shape: Shape) -> int:
    """Codes of an example, unless told.

    >>> positions((1, 28, 28)), positions((5,))
    (10, 2)
    """
    return -(-default_latent(shape) // USUAL)


@recipe
@latent_by(lambda shape, own: own["width"] * positions(shape))
def vq_vae(
    parts: Parts,
    codes: Size = 512,
    width: Positive = 4,
    codebook: Update = "ema",
    commitment: Weight = 0.25,
    prior: Kind = "autoregressive",
    shifts: bool = True,
) -> Composition:
    """The VQ-VAE: every few numbers of the latent are replaced by the nearest of learned vectors.

    Minimises distortion + commitment |e - v|^2 + rate, where the rate is -log p(codes). The prior
    learns beside the model, which the rate does not move. As a code has a probability, the ELBO is
    a bound of log p(x), though the posterior is a single code.

    Args:
        codes: vectors in the codebook, which all positions share.
        width: of a vector; latent / width is the number of codes of an example.
        codebook: "ema" for vectors that are moving averages, "gradient" for learned ones.
        commitment: weight of the squared distance of encodings from their vectors.
        prior: "autoregressive" for a transformer over the codes, "uniform" for all alike.
        shifts: whether images are shifted by up to a pixel in the first part.

    Reference:
        Neural Discrete Representation Learning (van den Oord et al., 2017), arXiv:1711.00937
    """
    encoder, features = parts.make_encoder()
    latent, learned = parts.latent or 1, codebook == "gradient"
    book = Codebook(codes, width, latent, learned)
    p = code_prior(book, latent, prior, parts.context or 0)
    level = Level(p, QuantisedPosterior(features, latent, book))
    model = LatentModel(encoder, [conditioned(parts, level, features)], parts.make_decoder(latent))
    objective = coded(commitment, learned)
    return Composition(model, in_two(parts, objective, objective, shifts))


def code_prior(
    quantiser: Codebook | ScalarGrid, latent: int, kind: Kind, context: int = 0
) -> CodesPrior:
    """A prior over the codes of a quantiser, which knows what lies above, or the condition.

    Nothing takes out of codes what a condition tells: unlike a Gaussian's, their rate moves no
    encoder.

    Args:
        context: numbers that it knows; 0 for none.
    """
    if kind == "uniform":
        return CodesPrior(quantiser, latent)
    network = CausalTransformer(quantiser.length, quantiser.size, context=context)
    return CodesPrior(quantiser, latent, network)


def coded(commitment: float = 0.0, learned: bool = False) -> Objective:
    """Distortion, the rate of the codes, and what holds encodings and vectors together."""
    terms = {"distortion": (constant(1), Distortion()), "rate": (constant(1), Rate())}
    if commitment:
        terms["commitment"] = (constant(commitment), Commitment())
    if learned:
        terms["codebook"] = (constant(1), CodebookError())
    return Objective(1, **terms)
