"""Modules that take contexts and return distributions: posteriors, priors, likelihoods."""

from variata.conditionals.decoder import Decoder, Head
from variata.conditionals.likelihood import HEADS, likelihood_head
from variata.conditionals.posterior import DiracPosterior, GaussianPosterior
from variata.conditionals.prior import StandardNormal

__all__ = [
    "HEADS",
    "Decoder",
    "DiracPosterior",
    "GaussianPosterior",
    "Head",
    "StandardNormal",
    "likelihood_head",
]
