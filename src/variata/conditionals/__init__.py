"""Modules that take contexts and return distributions: posteriors, priors, likelihoods."""

from variata.conditionals.autoregressive import AutoregressiveHead, pixel_head
from variata.conditionals.baselines import Histograms, KernelDensity, Moments, PCAGaussian
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
from variata.conditionals.deep import GridGaussian, GridMerge, Pick, Unfold
from variata.conditionals.density import FlowDensity
from variata.conditionals.diffusion import DiffusionPrior
from variata.conditionals.flows import FlowPrior
from variata.conditionals.ladder import Descent, GaussianPrior, TopDownPosterior
from variata.conditionals.likelihood import COUNTS, HEADS, BernoulliHead, likelihood_head
from variata.conditionals.mixtures import (
    FullMixturePrior,
    MixturePrior,
    PosteriorMixturePrior,
    log_responsibilities,
    responsibilities,
)
from variata.conditionals.point import PointHead
from variata.conditionals.posterior import DiracPosterior, GaussianPosterior
from variata.conditionals.prior import StandardNormal
from variata.conditionals.richer import (
    CovariancePosterior,
    FlowPosterior,
    HyperbolicPosterior,
    shortest_way,
)
from variata.conditionals.sphere import SphericalPosterior, UniformOnSphere, by_direction

__all__ = [
    "COUNTS",
    "HEADS",
    "AutoregressiveHead",
    "BernoulliHead",
    "BesideSeen",
    "ClassPosterior",
    "CodesPrior",
    "ConditionedPosterior",
    "CovariancePosterior",
    "Decoder",
    "Descent",
    "DiffusionPrior",
    "DiracPosterior",
    "FlowDensity",
    "FlowPosterior",
    "FlowPrior",
    "FullMixturePrior",
    "GaussianPosterior",
    "GaussianPrior",
    "GridGaussian",
    "GridMerge",
    "Head",
    "Histograms",
    "HyperbolicPosterior",
    "JoinCondition",
    "KernelDensity",
    "MixturePrior",
    "Moments",
    "OfEncoder",
    "OneHotPosterior",
    "PCAGaussian",
    "Pick",
    "PointHead",
    "PosteriorMixturePrior",
    "QuantisedPosterior",
    "SphericalPosterior",
    "StandardNormal",
    "TopDownPosterior",
    "Unfold",
    "UniformOnSphere",
    "UniformOneHot",
    "append",
    "by_direction",
    "head_of",
    "inputs_of_head",
    "likelihood_head",
    "log_responsibilities",
    "pixel_head",
    "responsibilities",
    "shortest_way",
]
