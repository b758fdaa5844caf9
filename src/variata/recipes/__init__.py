"""The catalogue: every variant is a call."""

from variata.recipes.bounds import ciwae, dreg, iwae, piwae
from variata.recipes.catalogue import Composition, Recipe, build, get, names, recipe
from variata.recipes.gaussian import ae, beta_vae
from variata.recipes.parts import Parts
from variata.recipes.priors import flow_prior, mixture_prior
from variata.recipes.regularised import rae
from variata.recipes.vae import vae
from variata.recipes.vamp import exemplar_prior, vamp_prior
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
    "exemplar_prior",
    "flow_prior",
    "free_bits_vae",
    "get",
    "iwae",
    "mixture_prior",
    "names",
    "piwae",
    "rae",
    "recipe",
    "sigma_vae",
    "vae",
    "vamp_prior",
]
