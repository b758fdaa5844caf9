"""Which likelihood serves which kind of data, and what to say when it does not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from variata.data.facts import Facts, overdispersed
from variata.data.grids import Grid
from variata.data.looks import binary_grid, picture_grid, whole_grid
from variata.errors import DataError, UsageError, did_you_mean

KINDS = {
    "bernoulli": "binary",
    "logistic": "levels",
    "logistic_mixture": "levels",
    "categorical": "category",
    "poisson": "count",
    "negative_binomial": "count",
    "gaussian": "real",
}
DEFAULTS = {
    "binary": "bernoulli",
    "levels": "logistic",
    "count": "poisson",
    "overdispersed count": "negative_binomial",
    "category": "categorical",
    "real": "gaussian",
}
MOST_CATEGORIES = 65_536

Units = tuple[str, Grid | None]


def default_likelihood(kind: str, grid: Grid | None, values: np.ndarray) -> str:
    """Return the likelihood that a kind of data gets when none is named."""
    if kind == "count" and overdispersed(values):
        return DEFAULTS["overdispersed count"]
    return DEFAULTS[kind]


def units_for(likelihood: str, facts: Facts) -> Units:
    """Return the kind and grid under which a named likelihood serves the data.

    Raises:
        UsageError: an unknown name.
        DataError: the likelihood cannot serve the data; says why and what can.
    """
    if likelihood not in KINDS:
        hint = did_you_mean(likelihood, KINDS) or f" Choose among {', '.join(KINDS)}."
        raise UsageError(f"Unknown likelihood '{likelihood}'.{hint}")
    kind = KINDS[likelihood]
    return kind, _READERS[kind](likelihood, facts)


def _binary(likelihood: str, facts: Facts) -> Grid:
    grid = binary_grid(facts)
    if grid is not None:
        return grid
    if facts.low < 0 or facts.high > 1:
        other = "logistic_mixture" if picture_grid(facts) else "gaussian"
        raise DataError(
            f"Bernoulli needs values that are 0 or 1; these lie in {facts.span()}."
            f" Use likelihood='{other}'."
        )
    ready = "" if picture_grid(facts) else " once they are rounded to multiples of 1/255"
    raise DataError(
        f"Bernoulli needs values that are 0 or 1; it is not a likelihood for grey values, and"
        f" these lie in {facts.span()} with values between. Use likelihood='logistic_mixture'"
        f"{ready}, or likelihood='gaussian'."
    )


def _levels(likelihood: str, facts: Facts) -> Grid:
    grid = binary_grid(facts) or picture_grid(facts) or whole_grid(facts)
    if grid is None:
        raise DataError(
            f"{likelihood} needs values on a grid of at most 256 levels (0 to 255, or multiples of"
            f" 1/255); these lie in {facts.span()} and do not. Use likelihood='gaussian'."
        )
    return grid


def _count(likelihood: str, facts: Facts) -> None:
    if facts.low >= 0 and facts.whole and facts.high <= 2**31 - 1:
        return
    what = "fractions" if not facts.whole else "negative" if facts.low < 0 else "beyond 2^31"
    raise DataError(
        f"{likelihood} needs counts, 0, 1, 2, ...; these lie in {facts.span()} and some are {what}."
        " Use likelihood='gaussian'."
    )


def _category(likelihood: str, facts: Facts) -> Grid:
    if facts.low >= 0 and facts.whole and facts.high < MOST_CATEGORIES:
        return Grid(0.0, 1.0, max(2, int(facts.high) + 1))
    raise DataError(
        f"{likelihood} needs whole numbers 0 .. C-1, at most {MOST_CATEGORIES} categories; these"
        f" lie in {facts.span()}{'' if facts.whole else ' and some are fractions'}."
        " Use likelihood='gaussian'."
    )


def _real(likelihood: str, facts: Facts) -> None:
    return None


_READERS: dict[str, Callable[[str, Facts], Grid | None]] = {
    "binary": _binary,
    "levels": _levels,
    "count": _count,
    "category": _category,
    "real": _real,
}
