"""The catalogue: every variant is a call."""

from variata.recipes.autoregression import autoregressive
from variata.recipes.baselines import independent, kernel_density, pca_gaussian
from variata.recipes.bounds import ciwae, dreg, iwae, piwae
from variata.recipes.catalogue import Composition, Recipe, build, get, names, recipe
from variata.recipes.categorical import gumbel_vae
from variata.recipes.clustering import vade
from variata.recipes.coded import fsq_vae, rvq_vae
from variata.recipes.curved import hyperbolic_vae, spherical_vae
from variata.recipes.deep import deep_vae
from variata.recipes.densities import flow
from variata.recipes.diffusing import diffusion, latent_diffusion
from variata.recipes.disentangling import beta_tc_vae, dip_vae, factor_vae
from variata.recipes.gaussian import ae, beta_vae
from variata.recipes.generators import gan
from variata.recipes.information import info_vae
from variata.recipes.joint import joint_vae
from variata.recipes.ladder import ladder_vae
from variata.recipes.matching import aae, wae_gan, wae_mmd
from variata.recipes.parts import Parts
from variata.recipes.pixel import pixel_vae
from variata.recipes.posteriors import covariance_vae, flow_posterior
from variata.recipes.priors import flow_prior, mixture_prior
from variata.recipes.quantised import vq_vae
from variata.recipes.regularised import rae
from variata.recipes.semi_supervised import m1_m2, m2
from variata.recipes.sharp import perceptual_vae, vae_gan
from variata.recipes.vae import vae
from variata.recipes.vamp import exemplar_prior, vamp_prior
from variata.recipes.weighting import annealed_vae, capacity_vae, free_bits_vae, sigma_vae

__all__ = [
    "Composition",
    "Parts",
    "Recipe",
    "aae",
    "ae",
    "annealed_vae",
    "autoregressive",
    "beta_tc_vae",
    "beta_vae",
    "build",
    "capacity_vae",
    "ciwae",
    "covariance_vae",
    "deep_vae",
    "diffusion",
    "dip_vae",
    "dreg",
    "exemplar_prior",
    "factor_vae",
    "flow",
    "flow_posterior",
    "flow_prior",
    "free_bits_vae",
    "fsq_vae",
    "gan",
    "get",
    "gumbel_vae",
    "hyperbolic_vae",
    "independent",
    "info_vae",
    "iwae",
    "joint_vae",
    "kernel_density",
    "ladder_vae",
    "latent_diffusion",
    "m1_m2",
    "m2",
    "mixture_prior",
    "names",
    "pca_gaussian",
    "perceptual_vae",
    "piwae",
    "pixel_vae",
    "rae",
    "recipe",
    "rvq_vae",
    "sigma_vae",
    "spherical_vae",
    "vade",
    "vae",
    "vae_gan",
    "vamp_prior",
    "vq_vae",
    "wae_gan",
    "wae_mmd",
]
