"""Variants of the VQ-VAE: several levels of codes, and codes without a codebook."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Le
from torch import Tensor, nn

from variata.conditionals import QuantisedPosterior
from variata.models import LatentModel, Level
from variata.nn import Codebook, ScalarGrid
from variata.recipes.catalogue import Composition, latent_by, recipe
from variata.recipes.conditioned import conditioned
from variata.recipes.parts import Parts, Positive
from variata.recipes.quantised import Kind, Size, Update, code_prior, coded, positions
from variata.recipes.vae import in_two
from variata.recipes.weighed import Weight

Depth = Annotated[int, Ge(1), Le(16)]  # each is a codebook, and a file may ask for any number


@recipe
@latent_by(lambda shape, own: own["width"] * max(1, positions(shape) // 2))
def rvq_vae(
    parts: Parts,
    depth: Depth = 3,
    codes: Size = 512,
    width: Positive = 8,
    codebook: Update = "ema",
    commitment: Weight = 0.25,
    prior: Kind = "autoregressive",
    shifts: bool = True,
) -> Composition:
    """The VQ-VAE in several levels: each codes what the levels above have left.

    The decoder sees the sum of the vectors of all levels. The prior of a level knows the sum of
    those above it. Gradients of the decoder reach the encoding once, not once for each level. A
    condition is known to the decoder alone, so that all levels code one encoding.

    Args:
        depth: how many levels.
        codes: vectors in the codebook of each.
        width: of a vector; latent / width is the number of codes of an example at each level.
        codebook: "ema" for vectors that are moving averages, "gradient" for learned ones.
        commitment: weight of the squared distances of what was left from its vectors.
        prior: "autoregressive" for transformers over the codes, "uniform" for all alike.
        shifts: whether images are shifted by up to a pixel in the first part.

    References:
        Autoregressive Image Generation using Residual Quantization (Lee et al., 2022),
        arXiv:2203.01941
        SoundStream: An End-to-End Neural Audio Codec (Zeghidour et al., 2021), arXiv:2107.03312
    """
    network, features = parts.make_encoder()
    latent, learned = parts.latent or 1, codebook == "gradient"
    told = parts.context or 0
    books = [Codebook(codes, width, latent, learned) for _ in range(depth)]
    levels = [
        Level(
            code_prior(book, latent, prior, told + (latent if i else 0)),
            QuantisedPosterior(0, latent, book),
            _added,
        )
        for i, book in enumerate(books)
    ]
    levels = [conditioned(parts, level, 0, latent if i else 0) for i, level in enumerate(levels)]
    encoder = nn.Sequential(network, nn.Linear(features, latent))
    model = LatentModel(encoder, levels, parts.make_decoder(latent))
    objective = coded(commitment, learned)
    return Composition(model, in_two(parts, objective, objective, shifts))


@recipe
@latent_by(lambda shape, own: own["width"] * positions(shape))
def fsq_vae(
    parts: Parts,
    scalar_levels: Annotated[int, Ge(2), Le(2**16)] = 5,
    width: Positive = 4,
    prior: Kind = "autoregressive",
    shifts: bool = True,
) -> Composition:
    """The VQ-VAE without a codebook: every number of the latent is rounded to a few levels.

    Minimises distortion + rate, where the rate is -log p(codes): there is nothing to commit to, and
    no code that could die.

    Args:
        scalar_levels: of every number.
        width: numbers that make up a code, of which there are scalar_levels to this power.
        prior: "autoregressive" for a transformer over the codes, "uniform" for all alike.
        shifts: whether images are shifted by up to a pixel in the first part.

    Reference:
        Finite Scalar Quantization: VQ-VAE Made Simple (Mentzer et al., 2023), arXiv:2309.15505
    """
    encoder, features = parts.make_encoder()
    latent = parts.latent or 1
    grid = ScalarGrid(scalar_levels, width, latent)
    p = code_prior(grid, latent, prior, parts.context or 0)
    level = Level(p, QuantisedPosterior(features, latent, grid))
    model = LatentModel(encoder, [conditioned(parts, level, features)], parts.make_decoder(latent))
    return Composition(model, in_two(parts, coded(), coded(), shifts))


def _added(h: Tensor | None, z: Tensor) -> Tensor:
    return z if h is None else h + z
