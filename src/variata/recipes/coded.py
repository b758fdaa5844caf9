"""Variants of the VQ-VAE: several levels of codes, and codes without a codebook."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Le
from torch import Tensor, nn

from variata.conditionals import Decoder, QuantisedPosterior
from variata.models import LatentModel, Level
from variata.nn import Codebook, ScalarGrid
from variata.recipes.catalogue import Composition, recipe
from variata.recipes.code_grid import as_convolutional, grid_networks, has_grid, on_grid, positions
from variata.recipes.conditioned import conditioned
from variata.recipes.parts import Parts, Positive
from variata.recipes.quantised import Kind, Size, Update, code_prior, coded, of_codes
from variata.recipes.rules import by_shape, latent_by
from variata.recipes.vae import in_two
from variata.recipes.weighed import Weight

Depth = Annotated[int, Ge(1), Le(16)]  # each is a codebook, and a file may ask for any number


@recipe
@by_shape(lambda shape, own: {"grid": has_grid(shape, own["grid"])})
@latent_by(lambda shape, own: own["width"] * positions(shape, own["grid"], True))
def rvq_vae(
    parts: Parts,
    depth: Depth = 3,
    codes: Size = 512,
    width: Positive = 8,
    codebook: Update = "ema",
    commitment: Weight = 0.25,
    prior: Kind = "autoregressive",
    grid: bool | None = None,
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
        grid: whether codes of images lie on a grid, as in `vq_vae`.
        shifts: whether images are shifted by up to a pixel in the first part.

    References:
        Autoregressive Image Generation using Residual Quantization (Lee et al., 2022),
        arXiv:2203.01941
        SoundStream: An End-to-End Neural Audio Codec (Zeghidour et al., 2021), arXiv:2107.03312
    """
    encoder, decoder, parts = _networks(parts, width, grid)
    latent, learned, told = parts.latent or 1, codebook == "gradient", parts.context or 0
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
    model = LatentModel(encoder, levels, decoder)
    objective = coded(commitment, learned)
    return Composition(model, in_two(parts, objective, objective, shifts))


@recipe
@by_shape(lambda shape, own: {"grid": has_grid(shape, own["grid"])})
@latent_by(lambda shape, own: own["width"] * positions(shape, own["grid"]))
def fsq_vae(
    parts: Parts,
    scalar_levels: Annotated[int, Ge(2), Le(2**16)] = 5,
    width: Positive = 4,
    prior: Kind = "autoregressive",
    grid: bool | None = None,
    shifts: bool = True,
) -> Composition:
    """The VQ-VAE without a codebook: every number of the latent is rounded to a few levels.

    Minimises distortion + rate, where the rate is -log p(codes): there is nothing to commit to, and
    no code that could die.

    Args:
        scalar_levels: of every number.
        width: numbers that make up a code, of which there are scalar_levels to this power.
        prior: "autoregressive" for a transformer over the codes, "uniform" for all alike.
        grid: whether codes of images lie on a grid, as in `vq_vae`.
        shifts: whether images are shifted by up to a pixel in the first part.

    Reference:
        Finite Scalar Quantization: VQ-VAE Made Simple (Mentzer et al., 2023), arXiv:2309.15505
    """
    quantiser = ScalarGrid(scalar_levels, width, parts.latent or 1)
    return of_codes(parts, quantiser, prior, coded(), grid, shifts)


def _networks(parts: Parts, width: int, grid: bool | None) -> tuple[nn.Module, Decoder, Parts]:
    """Examples to latents, latents to the likelihood, and what is known of both."""
    if on_grid(parts, grid):
        return *grid_networks(parts, width), as_convolutional(parts)
    network, features = parts.make_encoder()
    encoder = nn.Sequential(network, nn.Linear(features, parts.latent or 1))
    return encoder, parts.make_decoder(parts.latent or 1), parts


def _added(h: Tensor | None, z: Tensor) -> Tensor:
    return z if h is None else h + z
