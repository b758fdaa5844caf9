"""Models without latents that make x of noise by many small steps."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Le
from torch import nn

from variata.conditionals import FlowDensity
from variata.distributions import Diffusion
from variata.nn import ProbabilityFlow, TimedMLP, TimedUNet
from variata.objectives import Denoising, Objective
from variata.recipes.catalogue import Composition, recipe
from variata.recipes.densities import cells_of, without_latents
from variata.recipes.parts import Few, Parts, Positive
from variata.schedules import constant
from variata.shapes import numel
from variata.training import Phase


@recipe
def diffusion(
    parts: Parts,
    width: Positive | None = None,
    layers: Few = 2,
    steps: Annotated[int, Ge(2), Le(1_000)] = 24,
) -> Composition:
    """A diffusion with v-prediction: x from noise, along a velocity that is learned.

    Minimises the squared error of the velocity on the way from x to noise, which is no likelihood.
    That of a row is an estimate, by the equation whose solutions samples are, and called so. Images
    are seen by a small U-Net, vectors by a fully connected network.

    Args:
        width: of layers, by default 256 for vectors and 48 channels for images.
        layers: residual ones, of a U-Net at each size.
        steps: from noise to x, and back.

    References:
        Progressive Distillation for Fast Sampling of Diffusion Models (Salimans and Ho, 2022),
        arXiv:2202.00512
        Flow Matching for Generative Modeling (Lipman et al., 2022), arXiv:2210.02747
    """
    cells, context = cells_of(parts, "diffusion"), parts.context or 0
    image = len(parts.shape) == 3
    field: nn.Module
    if image:
        field = TimedUNet(parts.shape, width or 48, layers, context)
    else:
        field = TimedMLP(numel(parts.shape), width or 256, layers, context)
    flow = ProbabilityFlow(field, steps)
    density = FlowDensity([flow], parts.shape, cells, context, Diffusion, alike=image)
    objective = Objective(velocity_error=(constant(1), Denoising()))
    return Composition(without_latents(density), [Phase(objective)])
