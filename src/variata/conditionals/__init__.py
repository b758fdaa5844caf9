"""Modules that take contexts and return distributions: posteriors, priors, likelihoods."""

from variata.conditionals.decoder import Decoder, Head
from variata.conditionals.flows import FlowPrior
from variata.conditionals.likelihood import HEADS, likelihood_head
from variata.conditionals.mixtures import MixturePrior, PosteriorMixturePrior
from variata.conditionals.posterior import DiracPosterior, GaussianPosterior
from variata.conditionals.prior import StandardNormal

__all__ = [
    "HEADS",
    "Decoder",
    "DiracPosterior",
    "FlowPrior",
    "GaussianPosterior",
    "Head",
    "MixturePrior",
    "PosteriorMixturePrior",
    "StandardNormal",
    "likelihood_head",
]
