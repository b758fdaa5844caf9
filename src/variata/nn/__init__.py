"""Networks without probability: features in, features out."""

from variata.nn.conv import ConvDecoder, ConvEncoder, Residual
from variata.nn.coupling import AffineCoupling
from variata.nn.inputs import Log1p, OneHot
from variata.nn.linear import ProjectingEncoder, SkippingDecoder
from variata.nn.mlp import Dense, MLPDecoder, MLPEncoder, stack

__all__ = [
    "AffineCoupling",
    "ConvDecoder",
    "ConvEncoder",
    "Dense",
    "Log1p",
    "MLPDecoder",
    "MLPEncoder",
    "OneHot",
    "ProjectingEncoder",
    "Residual",
    "SkippingDecoder",
    "stack",
]
