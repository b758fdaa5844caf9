"""Modules that take contexts and return distributions: posteriors, priors, likelihoods."""

from variata.conditionals.conditioned import ConditionedPosterior, JoinCondition, head_of
from variata.conditionals.decoder import Decoder, Head
from variata.conditionals.flows import FlowPrior
from variata.conditionals.likelihood import HEADS, likelihood_head
from variata.conditionals.mixtures import FullMixturePrior, MixturePrior, PosteriorMixturePrior
from variata.conditionals.posterior import DiracPosterior, GaussianPosterior
from variata.conditionals.prior import StandardNormal

__all__ = [
    "HEADS",
    "ConditionedPosterior",
    "Decoder",
    "DiracPosterior",
    "FlowPrior",
    "FullMixturePrior",
    "GaussianPosterior",
    "Head",
    "JoinCondition",
    "MixturePrior",
    "PosteriorMixturePrior",
    "StandardNormal",
    "head_of",
    "likelihood_head",
]
