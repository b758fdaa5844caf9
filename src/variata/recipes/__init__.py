"""The catalogue: every variant is a call."""

from variata.recipes.catalogue import Composition, Recipe, build, get, names, recipe
from variata.recipes.gaussian import ae, beta_vae, vae
from variata.recipes.parts import Parts

__all__ = [
    "Composition",
    "Parts",
    "Recipe",
    "ae",
    "beta_vae",
    "build",
    "get",
    "names",
    "recipe",
    "vae",
]
