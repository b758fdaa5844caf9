"""Models and rows for the tests of compression, small and the same on every machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from variata import recipes
from variata.data import infer_schema
from variata.recipes.refit import give_prior, prior_call
from variata.store import Saved
from variata.tasks.model import Model

FULL = {"components": 3}
LEVELS = {"bernoulli": 2, "logistic": 17, "logistic_mixture": 17, "categorical": 3}


def fixed(module: torch.nn.Module) -> None:
    """Give a module weights that follow from a formula of whole numbers."""
    for number, value in enumerate(module.state_dict().values()):
        places = torch.arange(value.numel()).view(value.shape)
        value.copy_(((places * 37 + number * 11) % 101 - 50) / 256)


def rows(likelihood: str, shape: tuple[int, ...], count: int, seed: int = 0) -> np.ndarray:
    """Rows in which neighbours are alike, by a formula of whole numbers; all values occur."""
    places = np.arange(count * int(np.prod(shape))).reshape(count, *shape)
    levels = LEVELS[likelihood]
    values = (places * places // (7 + seed % 5) + places // 3 + seed) % levels
    values.reshape(-1)[:levels] = np.arange(levels)[: values.size]
    return values.astype(np.uint8)


def model_of(
    likelihood: str, shape: tuple[int, ...] = (5,), full: bool = False, **more: Any
) -> Model:
    """An untrained model of such rows, with fixed weights.

    Args:
        full: whether the prior is a mixture of Gaussians with full covariances.
    """
    known = rows(likelihood, shape, 64)
    schema = infer_schema(known, likelihood=likelihood)
    arguments = {"latent": 3, "hidden": (8, 8), **more}
    made = recipes.build(
        arguments.pop("recipe", "vae"),
        shape=schema.shape,
        likelihood=schema.likelihood,
        levels=schema.levels,
        **arguments,
    )
    if full:
        give_prior(made.model, prior_call("gmm", FULL))
    fixed(made.model)
    if full:
        factors = made.model.levels[0].prior.factors
        factors.copy_(factors.tril() + torch.eye(factors.shape[-1]))
    return Model(Saved(made.model.eval(), made.recipe, made.arguments or {}, schema))


GOLDEN = Path(__file__).parent / "golden"
CASES: dict[str, tuple[str, tuple[int, ...], dict[str, Any]]] = {
    "bernoulli": ("bernoulli", (5, 6), {}),
    "convolutional": ("bernoulli", (12, 9), {"network": "conv", "channels": 2}),
    "logistic": ("logistic", (9,), {}),
    "logistic_mixture": ("logistic_mixture", (9,), {}),
    "categorical": ("categorical", (7,), {}),
    "mixture_prior": ("bernoulli", (9,), {"recipe": "mixture_prior", "modes": 3}),
    "vamp_prior": ("bernoulli", (9,), {"recipe": "vamp_prior", "pseudo_inputs": 3}),
    "full_prior": ("bernoulli", (9,), {"full": True}),
}


def golden(name: str) -> tuple[Model, Path]:
    """A model, and the file that it wrote; beside it lie the rows."""
    likelihood, shape, more = CASES[name]
    return model_of(likelihood, shape, **more), GOLDEN / f"{name}.vrt"


if __name__ == "__main__":  # a change of the arithmetic makes files of another format
    for name in CASES:
        model, path = golden(name)
        values = model.sample(40)
        np.save(path.with_suffix(".npy"), values)
        print(model.compress(values, path, chunk=20))
