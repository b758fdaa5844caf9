"""Latents that are codes: of learned vectors, in levels, or of a grid of numbers."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Le

from variata.conditionals import CodesPrior, QuantisedPosterior
from variata.models import LatentModel, Level
from variata.nn import CausalTransformer, Codebook, OneHotCodes, ScalarGrid
from variata.objectives import CodebookError, Commitment, Distortion, Objective, Rate
from variata.recipes.catalogue import Composition, recipe
from variata.recipes.code_grid import as_convolutional, grid_networks, has_grid, on_grid, positions
from variata.recipes.conditioned import conditioned
from variata.recipes.parts import Parts, Positive
from variata.recipes.rules import by_shape, latent_by
from variata.recipes.vae import in_two
from variata.recipes.weighed import Weight
from variata.schedules import constant

Kind = Literal["autoregressive", "uniform"]
Update = Literal["ema", "gradient"]
Size = Annotated[int, Ge(2), Le(2**16)]
MANY = 32  # positions


@recipe
@by_shape(lambda shape, own: {"grid": has_grid(shape, own["grid"])})
@latent_by(lambda shape, own: own["width"] * positions(shape, own["grid"]))
def vq_vae(
    parts: Parts,
    codes: Size = 512,
    width: Positive = 4,
    codebook: Update = "ema",
    commitment: Weight = 0.25,
    prior: Kind = "autoregressive",
    grid: bool | None = None,
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
        grid: whether codes lie on a grid between convolutions, of up to 8 by 8 unless `latent` says
            otherwise; by default, those of images of more than 1,024 values. Others are of the
            whole example.
        shifts: whether images are shifted by up to a pixel in the first part.

    Reference:
        Neural Discrete Representation Learning (van den Oord et al., 2017), arXiv:1711.00937
    """
    learned = codebook == "gradient"
    book = Codebook(codes, width, parts.latent or 1, learned)
    objective = coded(commitment, learned)
    return of_codes(parts, book, prior, objective, grid, shifts)


def of_codes(
    parts: Parts,
    quantiser: Codebook | ScalarGrid,
    prior: Kind,
    objective: Objective,
    grid: bool | None,
    shifts: bool,
) -> Composition:
    """A model of one level of codes, of a grid where it suits."""
    latent = parts.latent or 1
    if on_grid(parts, grid):
        encoder, decoder = grid_networks(parts, quantiser.width)
        parts, features = as_convolutional(parts), 0
    else:
        encoder, features = parts.make_encoder()
        decoder = parts.make_decoder(latent)
    p = code_prior(quantiser, latent, prior, parts.context or 0)
    level = Level(p, QuantisedPosterior(features, latent, quantiser))
    model = LatentModel(encoder, [conditioned(parts, level, features)], decoder)
    return Composition(model, in_two(parts, objective, objective, shifts))


def code_prior(
    quantiser: Codebook | ScalarGrid | OneHotCodes, latent: int, kind: Kind, context: int = 0
) -> CodesPrior:
    """A prior over the codes of a quantiser, which knows what lies above, or the condition.

    Nothing takes out of codes what a condition tells: unlike a Gaussian's, their rate moves no
    encoder.

    Args:
        context: numbers that it knows; 0 for none.
    """
    if kind == "uniform":
        return CodesPrior(quantiser, latent)
    width = 128 if quantiser.length < MANY else 64  # or the prior would take most of the time
    network = CausalTransformer(quantiser.length, quantiser.size, width, context=context)
    return CodesPrior(quantiser, latent, network)


def coded(commitment: float = 0.0, learned: bool = False) -> Objective:
    """Distortion, the rate of the codes, and what holds encodings and vectors together."""
    terms = {"distortion": (constant(1), Distortion()), "rate": (constant(1), Rate())}
    if commitment:
        terms["commitment"] = (constant(commitment), Commitment())
    if learned:
        terms["codebook"] = (constant(1), CodebookError())
    return Objective(1, **terms)
