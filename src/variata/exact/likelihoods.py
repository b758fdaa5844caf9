"""Likelihoods in exact arithmetic: raw outputs of a decoder to whole probabilities."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import singledispatch

import numpy as np
from torch import nn

from variata.conditionals.likelihood import (
    BELOW_A_LEVEL,
    BernoulliHead,
    CategoricalHead,
    LogisticHead,
    LogisticMixtureHead,
)
from variata.errors import UsageError
from variata.exact.symbols import Bells, Cells, Choices, Symbols, softmax
from variata.exact.tables import ONE, Array, logistic

FINEST = float(Decimal(BELOW_A_LEVEL).exp())  # 1 / scale of the narrowest logistic, in levels
Likelihood = Callable[[Array], Symbols]


@singledispatch
def likelihood(head: nn.Module, levels: int) -> Likelihood:
    """Raw outputs (P, N) to p(x | z) of N elements.

    Raises:
        UsageError: for a likelihood without discrete probabilities, or of other values.
    """
    raise UsageError(
        f"Compression cannot code values under {type(head).__name__}: train with the likelihood "
        "bernoulli, categorical, logistic or logistic_mixture, on values that suit it."
    )


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

    def mixed(made: Array) -> Bells:
        weights, means, log_scales = np.split(made, 3)
        bells = [_bell(edges, *pair) for pair in zip(means, log_scales, strict=True)]
        return Bells(softmax(weights) + 1, bells)

    return mixed


def _edges(levels: int) -> Array:
    """Half-way between neighbouring levels."""
    return np.arange(1, levels).astype(np.float64) - 0.5


def _bell(edges: Array, mean: Array, raw_scale: Array) -> Cells:
    """A logistic over levels; exp(-softplus(s)) = sigmoid(-s) narrows it."""
    return Cells(logistic(), edges, mean * len(edges), FINEST * (logistic()(-raw_scale) / ONE))


def _require_levels(known: int, levels: int) -> None:
    if known != levels:
        raise UsageError(
            f"The likelihood of this model knows {known} values and the data has {levels}: "
            "compression needs the same. Train with a likelihood that suits the data."
        )
