"""The one line that says what was seen in the data and what was chosen."""

from __future__ import annotations

from typing import Protocol

TITLES = {
    "bernoulli": "Bernoulli likelihood",
    "gaussian": "Gaussian likelihood with a learned scale per column",
    "logistic": "discretised logistic likelihood",
    "logistic_mixture": "likelihood of a mixture of discretised logistics",
    "categorical": "categorical likelihood",
    "poisson": "Poisson likelihood",
    "negative_binomial": "negative binomial likelihood",
}


class Described(Protocol):
    """The part of a schema that its description needs."""

    @property
    def kind(self) -> str: ...
    @property
    def layout(self) -> str: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def levels(self) -> int | None: ...
    @property
    def low(self) -> float: ...
    @property
    def step(self) -> float: ...
    @property
    def likelihood(self) -> str: ...


def describe(schema: Described) -> str:
    """Return e.g. "binary images 1x28x28 (values 0 and 1): Bernoulli likelihood"."""
    return f"{_seen(schema)}: {_title(schema)}"


def _seen(schema: Described) -> str:
    size = (
        f" images {'x'.join(map(str, schema.shape))}"
        if schema.layout == "image"
        else f" vectors, {_columns(schema)}"
    )
    high = schema.low + schema.step * ((schema.levels or 2) - 1)
    if schema.kind == "binary":
        return f"binary{size} (values {schema.low:g} and {high:g})"
    if schema.kind == "levels":
        word = "colour" if schema.layout == "image" and schema.shape[0] > 1 else "grey"
        return f"{word}{size} ({schema.levels} levels, {schema.low:g} to {high:g})"
    if schema.kind == "category":
        return f"categorical{size} ({schema.levels} categories, 0 to {high:g})"
    if schema.kind == "count":
        return f"count{size}"
    if schema.layout == "image":
        return f"real-valued{size}, standardised with one mean and scale"
    return f"real numbers, {_columns(schema)}, standardised per column"


def _columns(schema: Described) -> str:
    return f"{schema.shape[0]} column{'s' if schema.shape[0] != 1 else ''}"


def _title(schema: Described) -> str:
    title = TITLES.get(schema.likelihood, schema.likelihood)
    if schema.likelihood == "gaussian" and schema.layout == "image":
        return title.replace(" per column", "")
    return title
