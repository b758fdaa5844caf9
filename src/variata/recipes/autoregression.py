"""Models without latents in which every element is told by those before it."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Le, MultipleOf
from torch import nn

from variata.conditionals import AutoregressiveHead, Decoder, FlowDensity, pixel_head
from variata.nn import Constant, Log1p, Made, MaskedStep, OneHot, Spline
from variata.recipes.catalogue import Composition, recipe
from variata.recipes.densities import cells_of, fitted_by_likelihood
from variata.recipes.parts import Parts
from variata.recipes.pixel import refuse_unreadable
from variata.shapes import numel

TOLD = 4  # numbers about the place of every pixel
BINS = 16
Even = Annotated[int, Ge(2), Le(2**12), MultipleOf(2)]


@recipe
def autoregressive(
    parts: Parts,
    width: Even | None = None,
    layers: Annotated[int, Ge(1), Le(32)] = 5,
) -> Composition:
    """An autoregressive model: every element is told by those before it, without a latent.

    Maximises log p(x) = sum_i log p(x_i | x_<i), which is exact. Images are read by gated masked
    convolutions with attention to the rows above (a small PixelCNN), green knowing red, and blue
    both; vectors by masked layers (MADE). Real vectors move by masked splines within what
    their rounding leaves open, so that theirs is a bound. Samples take as many steps as there are
    elements.

    Args:
        width: of layers, by default 512 for vectors and 32 channels for images; even.
        layers: of images, after the first; steps of real vectors, in turn from either end.

    References:
        Conditional Image Generation with PixelCNN Decoders (van den Oord et al., 2016),
        arXiv:1606.05328
        MADE: Masked Autoencoder for Distribution Estimation (Germain et al., 2015),
        arXiv:1502.03509
        Masked Autoregressive Flow for Density Estimation (Papamakarios et al., 2017),
        arXiv:1705.07057
    """
    context, size = parts.context or 0, numel(parts.shape)
    if len(parts.shape) == 3:
        refuse_unreadable(parts, "autoregressive")
        head = pixel_head(parts.make_head(), parts.shape, TOLD, width or 32, layers, gated=True)
    elif parts.likelihood == "gaussian":
        cells = cells_of(parts, "autoregressive")
        steps: list[nn.Module] = [
            MaskedStep(size, context, Spline(BINS), width or 512, reverse=i % 2 == 1)
            for i in range(layers)
        ]
        return fitted_by_likelihood(FlowDensity(steps, parts.shape, cells, context))
    else:
        head = _masked_head(parts, width or 512, told=1 if context else 0)
    network = Constant((head.per_element, *parts.shape), context)
    return fitted_by_likelihood(Decoder(network, head, parts.shape))


def _masked_head(parts: Parts, width: int, told: int) -> AutoregressiveHead:
    """The head of the likelihood, each element of a vector told by those before it."""
    head, read, each = parts.make_head(), None, 1
    if parts.likelihood == "categorical" and parts.levels is not None:
        read, each = OneHot(parts.levels), parts.levels
    elif parts.counts:
        read = Log1p()
    own = int(head.per_element)  # type: ignore[arg-type]
    made = Made(numel(parts.shape), own, told, width, read, each)
    return AutoregressiveHead(head, made, told)
