"""Networks without probability: features in, features out."""

from variata.nn.causal import CausalTransformer
from variata.nn.causal_image import CausalImage
from variata.nn.codebook import Codebook
from variata.nn.conv import ConvDecoder, ConvEncoder, Residual
from variata.nn.coupling import AffineCoupling, Rescaling
from variata.nn.inputs import Log1p, OneHot
from variata.nn.joining import Joining
from variata.nn.linear import ProjectingEncoder, SkippingDecoder
from variata.nn.mlp import Dense, MLPDecoder, MLPEncoder, stack
from variata.nn.probability_flow import ProbabilityFlow
from variata.nn.quantiser import OneHotCodes, Quantiser, ScalarGrid
from variata.nn.timed import TimedMLP

__all__ = [
    "AffineCoupling",
    "CausalImage",
    "CausalTransformer",
    "Codebook",
    "ConvDecoder",
    "ConvEncoder",
    "Dense",
    "Joining",
    "Log1p",
    "MLPDecoder",
    "MLPEncoder",
    "OneHot",
    "OneHotCodes",
    "ProbabilityFlow",
    "ProjectingEncoder",
    "Quantiser",
    "Rescaling",
    "Residual",
    "ScalarGrid",
    "SkippingDecoder",
    "TimedMLP",
    "stack",
]
