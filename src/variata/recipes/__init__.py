"""The catalogue: every variant is a call."""

from variata.recipes.gaussian import ae, beta_vae, vae
from variata.recipes.recipe import Composition, Recipe, build, get, names, recipe

__all__ = [
    "Composition",
    "Recipe",
    "ae",
    "beta_vae",
    "build",
    "get",
    "names",
    "recipe",
    "vae",
]
