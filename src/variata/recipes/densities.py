"""Models without latents, whose likelihood is a density over x: what they share, and flows."""

from __future__ import annotations

import math
from typing import Annotated, Any

import torch
from annotated_types import Ge, Le
from torch import nn

from variata.conditionals import FlowDensity
from variata.distributions import Cells
from variata.errors import UsageError
from variata.models import LatentModel
from variata.nn import Coupling, ImageFlow, Shuffle, Spline
from variata.objectives import Distortion, Objective
from variata.recipes.catalogue import Composition, recipe
from variata.recipes.parts import Few, Parts, Positive
from variata.schedules import constant
from variata.shapes import numel
from variata.training import Phase

ROUNDED = math.sqrt(12)  # the width of a cell, in standard deviations of the rounding


@recipe
def flow(
    parts: Parts,
    couplings: Few = 6,
    width: Positive | None = None,
    bins: Annotated[int, Ge(2), Le(64)] = 8,
) -> Composition:
    """A normalising flow: x from noise by invertible steps, without a latent.

    Maximises log p(x) = log N(f(x); 0, I) + log |det df/dx|. Vectors move by neural splines, images
    by affine couplings in several sizes. Grey levels, binary values and counts are moved by noise
    within their cells, so that the likelihood is a bound of their probability, in bits as exact
    ones are; real values within what their rounding leaves open.

    Args:
        couplings: of vectors in all, of images at each size.
        width: of layers inside the couplings, by default 128 for vectors and 32 channels for
            images.
        bins: of the splines, for vectors.

    References:
        Density estimation using Real NVP (Dinh et al., 2016), arXiv:1605.08803
        Neural Spline Flows (Durkan et al., 2019), arXiv:1906.04032
    """
    cells, context = cells_of(parts, "flow"), parts.context or 0
    steps: list[nn.Module]
    if parts.is_image:
        steps = [ImageFlow(parts.shape, couplings, width or 32, context)]
    else:
        size = numel(parts.shape)
        steps = []
        for i in range(couplings):
            shuffled = [Shuffle(size, i)] if i and i % 2 == 0 and size > 2 else []
            steps += [*shuffled, Coupling(size, context, Spline(bins), width or 128)]
    return fitted_by_likelihood(FlowDensity(steps, parts.shape, cells, context))


def fitted_by_likelihood(density: nn.Module) -> Composition:
    """A density over x that minimises -log p(x)."""
    objective = Objective(distortion=(constant(1), Distortion()))
    return Composition(without_latents(density), [Phase(objective)])


def without_latents(density: nn.Module) -> LatentModel:
    """A model that is a density over x: h (K, B, C) -> p(x | h), where h is the condition."""
    return LatentModel(nn.Identity(), [], density)


def cells_of(parts: Parts, name: str) -> Cells:
    """What lies around the values of the data.

    Raises:
        UsageError: they are categories, between which there is nothing; names other recipes.
    """
    if parts.likelihood == "categorical":
        raise UsageError(
            f"{name} moves values along a line, and categories have no order. Recipes that suit "
            "them: autoregressive, independent, vae."
        )
    if parts.likelihood == "gaussian":
        floor: Any = torch.tensor(parts.floor)
        floor = floor.view(parts.shape) if floor.dim() else floor
        return Cells(ROUNDED * floor, discrete=False)
    if parts.counts:
        return Cells(1.0, discrete=True, least=0.0)
    levels = 2 if parts.likelihood == "bernoulli" else parts.levels or 2
    return Cells(1 / (levels - 1), discrete=True, least=0.0, most=1.0)
