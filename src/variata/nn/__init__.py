"""Networks without probability: features in, features out."""

from variata.nn.conv import ConvDecoder, ConvEncoder, Residual
from variata.nn.coupling import AffineCoupling, Rescaling
from variata.nn.inputs import Log1p, OneHot
from variata.nn.joining import Joining
from variata.nn.linear import ProjectingEncoder, SkippingDecoder
from variata.nn.mlp import Dense, MLPDecoder, MLPEncoder, stack

__all__ = [
    "AffineCoupling",
    "ConvDecoder",
    "ConvEncoder",
    "Dense",
    "Joining",
    "Log1p",
    "MLPDecoder",
    "MLPEncoder",
    "OneHot",
    "ProjectingEncoder",
    "Rescaling",
    "Residual",
    "SkippingDecoder",
    "stack",
]
