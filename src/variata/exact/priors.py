"""Priors in exact arithmetic: over cells of latents, given a component where they are mixtures.

With a mixture, the component of a latent is a latent itself: it is popped from p(k | z) and pushed
by p(k), so that a latent costs -log p(z), and z is coded under one Gaussian (bits back, once more).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from decimal import Decimal, localcontext
from functools import singledispatch

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variata.conditionals import (
    FullMixturePrior,
    MixturePrior,
    PosteriorMixturePrior,
    StandardNormal,
)
from variata.errors import UsageError
from variata.exact.grid import largest_to_square, on_grid, require_exact, rounded
from variata.exact.lattice import Lattice
from variata.exact.networks import exact, raw
from variata.exact.symbols import Cells, Choices, Whole, softmax
from variata.exact.tables import DIGITS, ONE, Array, inverse_scale

SMALLEST = 1e-6  # variance of a latent
Steps = Generator[Cells, Array, None]


class GaussianMixture:
    """sum_k p(k) N(z; means_k, factors_k factors_k^T), over C components.

    Attributes:
        at_once: whether latents are independent given their component.

    Args:
        log_weights: (C,). means: (C, L).
        factors: lower triangular, (C, L, L), or their diagonals, (C, L), where there is no more.
    """

    def __init__(self, log_weights: Array, means: Array, factors: Array) -> None:
        self.means, self.factors = means, factors
        self.components, self.at_once = len(means), factors.ndim == 2
        self.weights = softmax(log_weights)[:, None]
        inverse = _inverse(_diagonals(factors) if self.at_once else factors)
        self.whitening = on_grid(torch.from_numpy(inverse).flatten(0, 1))
        moved = (self.whitening.view(inverse.shape) * torch.from_numpy(means)[:, None]).numpy()
        self.shift = on_grid(torch.from_numpy(-_added(moved)).flatten())
        require_exact(self.whitening, self.shift)
        scales = factors if self.at_once else np.diagonal(factors, axis1=1, axis2=2)
        self.constant = log_weights - _added(_decimal(scales, Decimal.ln))

    def chosen(self, rows: int) -> Choices:
        """p(k), of each of so many rows."""
        return Choices(np.repeat(self.weights, rows, 1))

    def responsible(self, z: Array) -> Choices:
        """p(k | z) for latents (B, L)."""
        z_on_grid = rounded(torch.from_numpy(z))
        most = largest_to_square(z.shape[1])
        white = rounded(F.linear(z_on_grid, self.whitening, self.shift)).clamp_(-most, most)
        squares = white.view(len(z), *self.means.shape).square().sum(-1)
        return Choices(softmax(self.constant[:, None] - 0.5 * squares.numpy().T))

    def steps(self, k: Whole, lattice: Lattice) -> Steps:
        """p(z | k): of all latents at once, (B * L,), or one by one, (B,), by those before it.

        Where they come one by one, the value of each (B, 1) is sent before the next is given.
        """
        centre, factors = self.means[k], self.factors[k]
        if self.at_once:
            yield lattice.under(centre, 1 / factors)
            return
        for j in range(len(lattice)):
            here, scale = centre[:, j : j + 1].copy(), factors[:, j, j : j + 1]
            z = yield lattice.only(j).under(here, 1 / scale)
            centre += factors[:, :, j] * ((z - here) / scale)

    def lattice(self, bits: int) -> Lattice:
        """Cells for latents of the mixture's mean and variance."""
        share = self.weights / self.weights.sum()
        scales = self.factors if self.at_once else np.sqrt(_added(self.factors**2))
        mean = _added((share * self.means).T)
        square = _added((share * (scales**2 + self.means**2)).T)
        return Lattice(mean, np.sqrt(np.maximum(square - mean**2, SMALLEST)), bits)


@singledispatch
def prior(module: nn.Module) -> GaussianMixture | None:
    """The prior; None for N(0, I), whose cells have the same mass.

    Raises:
        UsageError: for a prior that is not known here.
    """
    raise UsageError(
        f"Compression cannot code latents under the prior {type(module).__name__}: train with the "
        "recipe vae, mixture_prior or vamp_prior, or fit a mixture (variata refit-prior RUN)."
    )


@prior.register
def _(module: StandardNormal) -> None:
    return None


@prior.register
def _(module: MixturePrior) -> GaussianMixture:
    scales = _decimal(_numbers(module.log_scales), Decimal.exp)
    return GaussianMixture(_numbers(module.weights), _numbers(module.means), scales)


@prior.register
def _(module: FullMixturePrior) -> GaussianMixture:
    return GaussianMixture(*map(_numbers, (module.log_weights, module.means, module.factors)))


@prior.register
def _(module: PosteriorMixturePrior) -> GaussianMixture:
    encoder, posterior = module.borrowed
    inputs = rounded(module.shown.detach().cpu().double())
    means, log_scales = raw(posterior.linear)(exact(encoder)(inputs)).chunk(2, -1)
    if module.learned:
        return GaussianMixture(
            _numbers(module.weights), means.numpy(), ONE / inverse_scale()(log_scales.numpy())
        )
    scale = _decimal(_numbers(module.log_scale).reshape(1), Decimal.exp)
    return GaussianMixture(np.zeros(len(means)), means.numpy(), np.full(means.shape, scale))


def _numbers(value: Tensor) -> Array:
    return value.detach().cpu().double().numpy()


def _decimal(values: Array, function: Callable[[Decimal], Decimal]) -> Array:
    """A function of each number, rounded correctly."""
    with localcontext() as context:
        context.prec = DIGITS
        found = [float(function(Decimal(value))) for value in values.ravel().tolist()]
    return np.array(found).reshape(values.shape)


def _added(values: Array) -> Array:
    """The sum over the last dimension, one after the other: the order decides the last bits."""
    total = np.zeros(values.shape[:-1])
    for part in np.moveaxis(values, -1, 0):
        total = total + part
    return total


def _diagonals(values: Array) -> Array:
    return values[..., None] * np.eye(values.shape[-1])


def _inverse(factors: Array) -> Array:
    """The inverses of lower triangular matrices (C, L, L), by forward substitution."""
    left = np.broadcast_to(np.eye(factors.shape[-1]), factors.shape).copy()
    for j in range(factors.shape[-1]):
        left[:, j] /= factors[:, j, j, None]
        left[:, j + 1 :] -= factors[:, j + 1 :, j, None] * left[:, None, j]
    return left
