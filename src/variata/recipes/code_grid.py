"""Codes of an image at the positions of a grid."""

from __future__ import annotations

from dataclasses import replace

from torch import nn

from variata.conditionals import Decoder
from variata.errors import UsageError
from variata.nn import GridDecoder, GridEncoder, code_grid, usual_halvings
from variata.recipes.parts import SMALL_IMAGE, Parts, default_latent
from variata.shapes import Shape, numel

LEAST = 16  # smallest side of images that have a grid
USUAL = 4  # numbers of the latent for each code of a whole example


def positions(shape: Shape, grid: bool | None, several: bool = False) -> int:
    """Codes of an example, unless told; fewer where each has several levels.

    >>> positions((1, 28, 28), True), positions((1, 28, 28), True, several=True)
    (49, 16)
    >>> positions((1, 28, 28), None), positions((3, 32, 32), None)
    (10, 64)
    """
    if has_grid(shape, grid):
        return numel(code_grid(shape, usual_halvings(shape) + several))
    codes = -(-default_latent(shape) // USUAL)
    return max(1, codes // 2) if several else codes


def has_grid(shape: Shape, asked: bool | None) -> bool:
    """Whether codes of an example lie on a grid: by default, of images of more than 1,024 values.

    Smaller ones learn faster by fully connected networks, on a processor.
    """
    able = len(shape) == 3 and min(shape[1:]) >= LEAST
    return able and (numel(shape) > SMALL_IMAGE if asked is None else asked)


def on_grid(parts: Parts, asked: bool | None) -> bool:
    """The same, between networks of ours."""
    return has_grid(parts.shape, asked) and parts.encoder is None and parts.decoder is None


def grid_networks(parts: Parts, width: int) -> tuple[nn.Module, Decoder]:
    """From images to a vector of this width at every position, and from these to the likelihood.

    Raises:
        UsageError: for a latent that is no such grid; the message says which are.
    """
    times = _halvings(parts.shape, width, parts.latent or 1)
    channels, head = parts.channels or 1, parts.make_head()
    linear = bool(parts.linear)
    encoder = GridEncoder(parts.read_shape, times, channels, width, linear)
    parameters = int(head.per_element)  # type: ignore[arg-type]
    context = parts.context or 0
    locations = parts.locations_of(head) if linear else None
    network = GridDecoder(parts.shape, times, channels, width, parameters, context, locations)
    return parts.reading(encoder), Decoder(network, head, parts.shape)


def as_convolutional(parts: Parts) -> Parts:
    """The same, told that its networks are convolutional, whatever suits other recipes."""
    return replace(parts, network="conv")


def _halvings(shape: Shape, width: int, latent: int) -> int:
    sizes = {width * numel(code_grid(shape, t)): t for t in range(usual_halvings(shape) + 2)}
    if latent not in sizes:
        *others, last = map(str, sorted(sizes))
        raise UsageError(
            f"latent={latent} is no grid of codes of width={width} for images {shape}: give "
            f"{', '.join(others)} or {last}, another width, or grid=False."
        )
    return sizes[latent]
