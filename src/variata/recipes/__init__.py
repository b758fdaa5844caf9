"""The catalogue: every variant is a call."""

from variata.recipes.catalogue import Composition, Recipe, build, get, names, recipe
from variata.recipes.gaussian import ae, beta_vae
from variata.recipes.parts import Parts
from variata.recipes.priors import flow_prior, mixture_prior
from variata.recipes.regularised import rae
from variata.recipes.vae import vae
from variata.recipes.vamp import exemplar_prior, vamp_prior

__all__ = [
    "Composition",
    "Parts",
    "Recipe",
    "ae",
    "beta_vae",
    "build",
    "exemplar_prior",
    "flow_prior",
    "get",
    "mixture_prior",
    "names",
    "rae",
    "recipe",
    "vae",
    "vamp_prior",
]
