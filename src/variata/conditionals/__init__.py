"""Modules that take contexts and return distributions: posteriors, priors, likelihoods."""

from variata.conditionals.classes import BesideSeen, ClassPosterior, OfEncoder, append
from variata.conditionals.codes import (
    CodesPrior,
    OneHotPosterior,
    QuantisedPosterior,
    UniformOneHot,
)
from variata.conditionals.conditioned import (
    ConditionedPosterior,
    JoinCondition,
    head_of,
    inputs_of_head,
)
from variata.conditionals.decoder import Decoder, Head
from variata.conditionals.flows import FlowPrior
from variata.conditionals.likelihood import HEADS, likelihood_head
from variata.conditionals.mixtures import (
    FullMixturePrior,
    MixturePrior,
    PosteriorMixturePrior,
    responsibilities,
)
from variata.conditionals.posterior import DiracPosterior, GaussianPosterior
from variata.conditionals.prior import StandardNormal

__all__ = [
    "HEADS",
    "BesideSeen",
    "ClassPosterior",
    "CodesPrior",
    "ConditionedPosterior",
    "Decoder",
    "DiracPosterior",
    "FlowPrior",
    "FullMixturePrior",
    "GaussianPosterior",
    "Head",
    "JoinCondition",
    "MixturePrior",
    "OfEncoder",
    "OneHotPosterior",
    "PosteriorMixturePrior",
    "QuantisedPosterior",
    "StandardNormal",
    "UniformOneHot",
    "append",
    "head_of",
    "inputs_of_head",
    "likelihood_head",
    "responsibilities",
]
