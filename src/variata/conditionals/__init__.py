"""Modules that take contexts and return distributions: posteriors, priors, likelihoods."""

from variata.conditionals.codes import (
    CodesPrior,
    OneHotPosterior,
    QuantisedPosterior,
    UniformOneHot,
)
from variata.conditionals.decoder import Decoder, Head
from variata.conditionals.flows import FlowPrior
from variata.conditionals.likelihood import HEADS, likelihood_head
from variata.conditionals.mixtures import FullMixturePrior, MixturePrior, PosteriorMixturePrior
from variata.conditionals.posterior import DiracPosterior, GaussianPosterior
from variata.conditionals.prior import StandardNormal

__all__ = [
    "HEADS",
    "CodesPrior",
    "Decoder",
    "DiracPosterior",
    "FlowPrior",
    "FullMixturePrior",
    "GaussianPosterior",
    "Head",
    "MixturePrior",
    "OneHotPosterior",
    "PosteriorMixturePrior",
    "QuantisedPosterior",
    "StandardNormal",
    "UniformOneHot",
    "likelihood_head",
]
