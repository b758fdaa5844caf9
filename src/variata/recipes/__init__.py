"""The catalogue: every variant is a call."""

from variata.recipes.catalogue import Composition, Recipe, build, get, names, recipe
from variata.recipes.disentangling import beta_tc_vae, dip_vae, factor_vae
from variata.recipes.gaussian import ae, beta_vae, vae
from variata.recipes.information import info_vae
from variata.recipes.matching import aae, wae_gan, wae_mmd
from variata.recipes.parts import Parts

__all__ = [
    "Composition",
    "Parts",
    "Recipe",
    "aae",
    "ae",
    "beta_tc_vae",
    "beta_vae",
    "build",
    "dip_vae",
    "factor_vae",
    "get",
    "info_vae",
    "names",
    "recipe",
    "vae",
    "wae_gan",
    "wae_mmd",
]
