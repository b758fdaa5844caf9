"""Networks without probability: features in, features out."""

from variata.nn.broadcast import BroadcastDecoder, PatchEncoder
from variata.nn.causal import CausalTransformer
from variata.nn.causal_image import CausalImage
from variata.nn.codebook import Codebook
from variata.nn.constant import Constant
from variata.nn.conv import ConvDecoder, ConvEncoder, Residual
from variata.nn.conv_critic import ConvCritic, DenseCritic
from variata.nn.conv_grid import GridDecoder, GridEncoder, code_grid, usual_halvings
from variata.nn.coupling import AffineCoupling, Rescaling
from variata.nn.elementwise import Affine, Spline
from variata.nn.image_flow import ImageFlow
from variata.nn.inputs import Log1p, OneHot
from variata.nn.joining import Joining
from variata.nn.linear import ProjectingEncoder, SkippingDecoder
from variata.nn.logit import Logit
from variata.nn.made import Made
from variata.nn.masked import MaskedStep
from variata.nn.mlp import Dense, MLPDecoder, MLPEncoder, stack
from variata.nn.probability_flow import ProbabilityFlow
from variata.nn.pyramid import Bottleneck, PixelDecoder, Pyramid, Rise, grids
from variata.nn.quantiser import OneHotCodes, Quantiser, ScalarGrid
from variata.nn.random_features import RandomFeatures
from variata.nn.spectral import UnitNorm, unit_norm
from variata.nn.spline_coupling import Coupling, Shuffle
from variata.nn.timed import TimedMLP
from variata.nn.timed_unet import TimedUNet

__all__ = [
    "Affine",
    "AffineCoupling",
    "Bottleneck",
    "BroadcastDecoder",
    "CausalImage",
    "CausalTransformer",
    "Codebook",
    "Constant",
    "ConvCritic",
    "ConvDecoder",
    "ConvEncoder",
    "Coupling",
    "Dense",
    "DenseCritic",
    "GridDecoder",
    "GridEncoder",
    "ImageFlow",
    "Joining",
    "Log1p",
    "Logit",
    "MLPDecoder",
    "MLPEncoder",
    "Made",
    "MaskedStep",
    "OneHot",
    "OneHotCodes",
    "PatchEncoder",
    "PixelDecoder",
    "ProbabilityFlow",
    "ProjectingEncoder",
    "Pyramid",
    "Quantiser",
    "RandomFeatures",
    "Rescaling",
    "Residual",
    "Rise",
    "ScalarGrid",
    "Shuffle",
    "SkippingDecoder",
    "Spline",
    "TimedMLP",
    "TimedUNet",
    "UnitNorm",
    "code_grid",
    "grids",
    "stack",
    "unit_norm",
    "usual_halvings",
]
