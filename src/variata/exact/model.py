"""A latent model in exact arithmetic: q(z | x), p(z) and p(x | z) over whole numbers."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import singledispatch
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from variata.conditionals import Decoder, GaussianPosterior, StandardNormal
from variata.conditionals.likelihood import (
    BELOW_A_LEVEL,
    BernoulliHead,
    CategoricalHead,
    LogisticHead,
    LogisticMixtureHead,
)
from variata.errors import UsageError
from variata.exact import convolutions as convolutions  # which registers them
from variata.exact.grid import ACTIVATION, LIMIT, WEIGHT, rounded
from variata.exact.networks import exact, raw
from variata.exact.symbols import (
    PRECISION,
    Cells,
    Choices,
    Mixtures,
    Symbols,
    softmax,
    standard_cells,
)
from variata.exact.tables import ONE, PER_UNIT, Array, digest, inverse_scale, logistic, normal
from variata.models import LatentModel
from variata.models.level import replace

LATENT_BITS = 10
FINEST = float(Decimal(BELOW_A_LEVEL).exp())  # 1 / scale of the narrowest logistic, in levels
Codes = NDArray[np.int64]
Likelihood = Callable[[Array], Symbols]


def arithmetic() -> str:
    """What decides the bits, and so which files can be read: a change of it is another format."""
    grids = f"weights 1/{WEIGHT}, activations 1/{ACTIVATION} to {LIMIT}, tables 1/{PER_UNIT}"
    return f"{grids} {digest()}, latents of {LATENT_BITS} bits, steps of 1/{PRECISION}"


class ExactModel:
    """One Gaussian level, over cells of the prior of equal mass, and a discrete likelihood.

    Args:
        model: a trained model.
        levels: values that an element of x can take, coded as 0 to levels - 1.

    Attributes:
        latent: L.
        bits: of a latent's cell under the prior.

    Raises:
        UsageError: for a model that has another posterior, prior or likelihood, or networks that
            have no exact arithmetic; the message names it.
    """

    bits = LATENT_BITS

    def __init__(self, model: LatentModel, levels: int) -> None:
        posterior = _posterior(model)
        decoder = model.decoder
        if not isinstance(decoder, Decoder):
            raise _refused(decoder)
        self.latent, self.shape = posterior.linear.out_features // 2, decoder.raw_shape[1:]
        self.encoder, self.posterior = exact(model.encoder), raw(posterior.linear)
        self.decoder, self.raw_shape = exact(decoder.network), decoder.raw_shape
        self.likelihood = likelihood(decoder.head, levels)
        self.edges, self.middles = standard_cells(self.bits)
        self.scale = 1 if isinstance(decoder.head, BernoulliHead | CategoricalHead) else levels - 1

    def infer(self, codes: Codes) -> tuple[Cells, Codes]:
        """q(z | x) of examples (B, *X), B * L symbols; and the cells of its means, (B * L,)."""
        x = rounded(torch.from_numpy(codes.astype(np.float64)) / self.scale)
        mean, log_scale = self.posterior(self.encoder(x)).chunk(2, -1)
        centre = mean.reshape(-1).numpy()
        narrow = inverse_scale()(log_scale.reshape(-1).numpy()) / ONE
        return Cells(normal(), self.edges, centre, narrow), np.searchsorted(self.edges, centre)

    def generate(self, cells: Codes) -> Symbols:
        """p(x | z) for latents (B * L,), B * numel(X) symbols."""
        z = rounded(torch.from_numpy(self.middles[cells]).view(-1, self.latent))
        made = self.decoder(z).reshape(-1, *self.raw_shape)
        return self.likelihood(_parameters_first(made))


@singledispatch
def likelihood(head: nn.Module, levels: int) -> Likelihood:
    """Raw outputs (P, N) to p(x | z) of N elements.

    Raises:
        UsageError: for a likelihood without discrete probabilities, or of other values.
    """
    raise _refused(head)


@likelihood.register
def _(head: BernoulliHead, levels: int) -> Likelihood:
    _require_levels(2, levels)
    return lambda made: Cells(logistic(), np.zeros(1), made[0], np.ones(1))


@likelihood.register
def _(head: CategoricalHead, levels: int) -> Likelihood:
    _require_levels(head.per_element, levels)
    return lambda made: Choices(softmax(made))


@likelihood.register
def _(head: LogisticHead, levels: int) -> Likelihood:
    _require_levels(head.levels, levels)
    edges = _edges(levels)
    return lambda made: _bell(edges, made[0], made[1])


@likelihood.register
def _(head: LogisticMixtureHead, levels: int) -> Likelihood:
    _require_levels(head.levels, levels)
    edges = _edges(levels)

    def mixed(made: Array) -> Mixtures:
        weights, means, log_scales = np.split(made, 3)
        bells = [_bell(edges, *pair) for pair in zip(means, log_scales, strict=True)]
        return Mixtures(softmax(weights) + 1, bells)

    return mixed


def _edges(levels: int) -> Array:
    """Half-way between neighbouring levels."""
    return np.arange(1, levels).astype(np.float64) - 0.5


def _bell(edges: Array, mean: Array, raw_scale: Array) -> Cells:
    """A logistic over levels; exp(-softplus(s)) = sigmoid(-s) narrows it."""
    return Cells(logistic(), edges, mean * len(edges), FINEST * (logistic()(-raw_scale) / ONE))


def _posterior(model: LatentModel) -> GaussianPosterior:
    """The head of the only level, where it is one that can be coded."""
    levels: list[Any] = list(model.levels)
    if len(levels) != 1:
        raise _refused(f"{len(levels)} levels of latents")
    level = levels[0]
    if level.merge is not replace:
        raise _refused("a condition")
    for part, known in ((level.posterior, GaussianPosterior), (level.prior, StandardNormal)):
        if type(part) is not known:
            raise _refused(part)
    return level.posterior


def _parameters_first(made: Tensor) -> Array:
    return made.flatten(2).transpose(0, 1).flatten(1).numpy()


def _require_levels(known: int, levels: int) -> None:
    if known != levels:
        raise UsageError(
            f"The likelihood of this model knows {known} values and the data has {levels}: "
            "compression needs the same. Train with a likelihood that suits the data."
        )


def _refused(part: Any) -> UsageError:
    name = part if isinstance(part, str) else type(part).__name__
    return UsageError(
        f"Compression cannot code a model with {name}. It codes models with one level of "
        "GaussianPosterior and StandardNormal, and the likelihood bernoulli, categorical, logistic "
        "or logistic_mixture: train the recipe vae on such data."
    )
