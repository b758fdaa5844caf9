"""Distributions, most of them with independent elements, and the divergences between them.

Parameters have the shape (K, B, *X): K samples of the latent, B examples. All log-probabilities
and divergences are in nats.
"""

from variata.distributions.autoregressive import Autoregressive
from variata.distributions.bernoulli import Bernoulli
from variata.distributions.categorical import Categorical
from variata.distributions.codes import Codes
from variata.distributions.counts import NegativeBinomial, Poisson
from variata.distributions.covariance import FullGaussian, LowRankGaussian
from variata.distributions.dequantised import Cells, Dequantised
from variata.distributions.detached import detached
from variata.distributions.diffusion import Diffusion
from variata.distributions.dirac import Dirac
from variata.distributions.factorised import Factorised
from variata.distributions.flow import Flow
from variata.distributions.gaussian import Gaussian, StandardGaussian
from variata.distributions.graded import Graded
from variata.distributions.hyperbolic import WrappedNormal
from variata.distributions.inverse_flow import InverseFlow
from variata.distributions.kernels import GaussianKernels, Kernels, SwitchingKernels
from variata.distributions.kl import has_kl, kl, kl_each, register_kl
from variata.distributions.logistic import DiscretisedLogistic
from variata.distributions.mixture import LogisticMixture
from variata.distributions.of_noise import OfNoise
from variata.distributions.one_hot import OneHot
from variata.distributions.power_spherical import PowerSpherical
from variata.distributions.quantised import Quantised
from variata.distributions.repeated import Repeated, Reshaped
from variata.distributions.sphere import UniformSphere
from variata.distributions.von_mises_fisher import VonMisesFisher

__all__ = [
    "Autoregressive",
    "Bernoulli",
    "Categorical",
    "Cells",
    "Codes",
    "Dequantised",
    "Diffusion",
    "Dirac",
    "DiscretisedLogistic",
    "Factorised",
    "Flow",
    "FullGaussian",
    "Gaussian",
    "GaussianKernels",
    "Graded",
    "InverseFlow",
    "Kernels",
    "LogisticMixture",
    "LowRankGaussian",
    "NegativeBinomial",
    "OfNoise",
    "OneHot",
    "Poisson",
    "PowerSpherical",
    "Quantised",
    "Repeated",
    "Reshaped",
    "StandardGaussian",
    "SwitchingKernels",
    "UniformSphere",
    "VonMisesFisher",
    "WrappedNormal",
    "detached",
    "has_kl",
    "kl",
    "kl_each",
    "register_kl",
]
