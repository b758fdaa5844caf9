"""Modules that take contexts and return distributions: posteriors, priors, likelihoods."""

from variata.conditionals.autoregressive import AutoregressiveHead
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
from variata.conditionals.ladder import Descent, GaussianPrior, TopDownPosterior
from variata.conditionals.likelihood import HEADS, BernoulliHead, likelihood_head
from variata.conditionals.mixtures import (
    FullMixturePrior,
    MixturePrior,
    PosteriorMixturePrior,
    log_responsibilities,
    responsibilities,
)
from variata.conditionals.posterior import DiracPosterior, GaussianPosterior
from variata.conditionals.prior import StandardNormal

__all__ = [
    "HEADS",
    "AutoregressiveHead",
    "BernoulliHead",
    "BesideSeen",
    "ClassPosterior",
    "CodesPrior",
    "ConditionedPosterior",
    "Decoder",
    "Descent",
    "DiracPosterior",
    "FlowPrior",
    "FullMixturePrior",
    "GaussianPosterior",
    "GaussianPrior",
    "Head",
    "JoinCondition",
    "MixturePrior",
    "OfEncoder",
    "OneHotPosterior",
    "PosteriorMixturePrior",
    "QuantisedPosterior",
    "StandardNormal",
    "TopDownPosterior",
    "UniformOneHot",
    "append",
    "head_of",
    "inputs_of_head",
    "likelihood_head",
    "log_responsibilities",
    "responsibilities",
]
