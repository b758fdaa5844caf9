"""Models that make x, or its latent, of noise by many small steps."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Le
from torch import nn

from variata.conditionals import DiffusionPrior, FlowDensity
from variata.distributions import Diffusion
from variata.nn import ProbabilityFlow, TimedMLP, TimedUNet
from variata.objectives import Denoising, Distortion, Objective, PriorDenoising, StandardRate
from variata.recipes.catalogue import Composition, recipe
from variata.recipes.densities import cells_of, without_latents
from variata.recipes.gaussian import Share, gaussian_model
from variata.recipes.parts import Few, Parts, Positive
from variata.recipes.weighed import Weight
from variata.schedules import constant, warm_up
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
    image = parts.is_image
    field: nn.Module
    if image:
        field = TimedUNet(parts.shape, width or 48, layers, context)
    else:
        field = TimedMLP(numel(parts.shape), width or 256, layers, context)
    flow = ProbabilityFlow(field, steps)
    density = FlowDensity([flow], parts.shape, cells, context, Diffusion, alike=image)
    objective = Objective(velocity_error=(constant(1), Denoising()))
    return Composition(without_latents(density), [Phase(objective)])


@recipe
def latent_diffusion(
    parts: Parts,
    beta: Weight = 1.0,
    width: Positive = 256,
    layers: Few = 3,
    steps: Annotated[int, Ge(2), Le(1_000)] = 16,
    warm_up_share: Share = 0.1,
) -> Composition:
    """A latent diffusion: a VAE whose prior is a diffusion over latents, learnt beside it.

    Minimises distortion + beta KL(q(z | x) || N(0, I)) + the squared error of the velocity between
    latents and noise, which the prior alone feels. Samples start from the prior; its density is an
    estimate, and with it the rate and what is reported as ELBO.

    Args:
        beta: weight of the divergence that keeps latents near N(0, I).
        width: of the prior's layers.
        layers: residual ones.
        steps: from noise to a latent, and back.
        warm_up_share: share of the training over which the weight of the divergence rises.

    References:
        High-Resolution Image Synthesis with Latent Diffusion Models (Rombach et al., 2021),
        arXiv:2112.10752
        Score-based Generative Modeling in Latent Space (Vahdat et al., 2021), arXiv:2106.05931
    """
    prior = DiffusionPrior(parts.latent or 1, width, layers, steps)
    objective = Objective(
        distortion=(constant(1), Distortion()),
        standard_rate=(warm_up(warm_up_share, beta), StandardRate()),
        velocity_error=(constant(1), PriorDenoising()),
    )
    return Composition(gaussian_model(parts, prior=lambda *_: prior), [Phase(objective)])
