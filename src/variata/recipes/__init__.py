"""The catalogue: every variant is a call."""

from variata.recipes.bounds import ciwae, dreg, iwae, piwae
from variata.recipes.catalogue import Composition, Recipe, build, get, names, recipe
from variata.recipes.gaussian import ae, beta_vae, vae
from variata.recipes.parts import Parts
from variata.recipes.weighting import annealed_vae, capacity_vae, free_bits_vae, sigma_vae

__all__ = [
    "Composition",
    "Parts",
    "Recipe",
    "ae",
    "annealed_vae",
    "beta_vae",
    "build",
    "capacity_vae",
    "ciwae",
    "dreg",
    "free_bits_vae",
    "get",
    "iwae",
    "names",
    "piwae",
    "recipe",
    "sigma_vae",
    "vae",
]
