"""Models that have learnt nothing, of any recipe, over data in own units."""

from __future__ import annotations

from typing import Any

import numpy as np

from test_recipes import DATA, compose
from variata.data import Condition, infer_schema
from variata.store import Saved
from variata.tasks.model import Model

RNG = np.random.default_rng(0)
IMAGES = "binary images of odd size"
OWN: dict[str, tuple[np.ndarray, str]] = {
    "rows": (RNG.normal(3.0, 7.0, (9, 5)), "gaussian"),
    IMAGES: (255 * RNG.integers(0, 2, (9, 9, 7)).astype(np.uint8), "bernoulli"),
    "grey levels": (RNG.integers(0, 17, (9, 9, 7)) / 16, "logistic"),
    "colour, convolutional": (RNG.integers(0, 256, (9, 11, 14, 3), np.uint8), "logistic_mixture"),
    "counts": (RNG.poisson(1.0, (9, 6)), "poisson"),
    "categories": (RNG.integers(0, 3, (9, 6)), "categorical"),
}


def untrained(name: str, data: str, condition: Condition | None = None, **more: Any) -> Model:
    """A model of a recipe over data in own units."""
    values, likelihood = OWN[data]
    context = {} if condition is None else {"context": condition.width}
    made = compose(name, data, **context, **more)
    schema = infer_schema(values, likelihood=likelihood)
    assert schema.shape == DATA[data]["shape"]
    return Model(Saved(made.model.eval(), name, made.arguments or {}, schema, condition=condition))
