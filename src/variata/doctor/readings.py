"""Figures that several diagnoses read off the evidence; None where they cannot be known."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from torch import Tensor

from variata.doctor.finding import Evidence
from variata.metrics import prior_sd

ACTIVE = 0.01  # share of the prior's variance that means must have; of Burda et al., 2016
FEWEST = 30  # rows below which a mean or a spread over rows says too little


class Gap(NamedTuple):
    """A difference of means and its standard error, nats per example."""

    mean: float
    se: float

    @property
    def sure(self) -> bool:
        """Whether it lies more than four standard errors above zero."""
        return self.mean > 4 * self.se


def figure(evidence: Evidence, *keys: str) -> float | None:
    """A number of the evaluation, by its place in it."""
    value: Any = evidence.figures
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    known = isinstance(value, int | float) and math.isfinite(value)
    return float(value) if known else None


def active(evidence: Evidence) -> int:
    """How many latent dimensions move with the data."""
    means = evidence.means.flatten(1).double()
    scaled = means / prior_sd(evidence.prior)
    return 0 if len(means) < 2 or not latent(evidence) else int((scaled.var(0) > ACTIVE).sum())


def latent(evidence: Evidence) -> int:
    """How many latent dimensions there are."""
    return evidence.means.flatten(1).shape[1]


def rate(evidence: Evidence) -> float | None:
    """Mean KL(q || p) of test rows, nats per example."""
    if evidence.rate_each is None:
        return figure(evidence, "rate", "mean")
    return float(evidence.rate_each.double().sum())


def rate_weight(evidence: Evidence) -> float | None:
    """What a nat of rate cost at the end of training, where a nat of distortion cost 1.

    None for objectives of other terms, in which the weight of the rate alone does not say that.
    """
    weights = evidence.history[-1].get("weights", {}) if evidence.history else {}
    charged = {name for name, weight in weights.items() if weight}
    if not {"distortion"} <= charged <= {"distortion", "rate"} <= set(weights):
        return None
    return float(weights["rate"] / weights["distortion"])


def elements(evidence: Evidence) -> int:
    """How many values an example has."""
    return evidence.x[0].numel()


def names(evidence: Evidence) -> tuple[str, ...]:
    """Of the columns; their numbers where they have none."""
    count = elements(evidence)
    given = evidence.columns
    return given if given and len(given) == count else tuple(str(i) for i in range(count))


def difference(a: Tensor, b: Tensor) -> Gap | None:
    """mean(a) - mean(b); None for too few rows."""
    if min(len(a), len(b)) < FEWEST:
        return None
    a, b = a.double(), b.double()
    return Gap(float(a.mean() - b.mean()), float(a.var() / len(a) + b.var() / len(b)) ** 0.5)


def generalisation(evidence: Evidence) -> Gap | None:
    """ELBO of training rows minus ELBO of test rows."""
    if evidence.elbo_train is None or evidence.elbo_test is None:
        return None
    return difference(evidence.elbo_train, evidence.elbo_test)


def gain(evidence: Evidence) -> float | None:
    """ELBO of test rows above the likelihood of independent elements, nats per example."""
    elbo = figure(evidence, "elbo", "mean")
    baseline = figure(evidence, "baselines", "factorised", "nll", "mean")
    return None if elbo is None or baseline is None else elbo + baseline


def explained(evidence: Evidence) -> tuple[float, float] | None:
    """Shares of the variance of test rows that the reconstructions and PCA explain."""
    rmse = figure(evidence, "reconstruction", "rmse", "mean")
    linear = figure(evidence, "baselines", "pca", "rmse", "mean")
    mean = figure(evidence, "baselines", "mean", "rmse", "mean")
    if rmse is None or linear is None or not mean:
        return None
    return 1 - (rmse / mean) ** 2, 1 - (linear / mean) ** 2
