"""Terms and bounds: functions of a model and a trace."""

from variata.objectives.adversary import Adversary
from variata.objectives.capacity import Capacity
from variata.objectives.commitment import CodebookError, Commitment
from variata.objectives.consistency import Consistency, told_by_level
from variata.objectives.denoising import Denoising
from variata.objectives.density_ratio import DensityRatio
from variata.objectives.elbo import Distortion, Rate
from variata.objectives.enumerated import ClassBalance, Classification, EnumeratedBound
from variata.objectives.feature_distance import FeatureDistance
from variata.objectives.free_bits import FreeBits
from variata.objectives.image_critic import ImageCritic
from variata.objectives.importance import ImportanceBound
from variata.objectives.latent_critic import LatentCritic
from variata.objectives.latent_diffusion import PriorDenoising, StandardRate
from variata.objectives.mmd import MMD
from variata.objectives.moments import Diagonal, OffDiagonal
from variata.objectives.objective import Loss, Objective, Term
from variata.objectives.optimal_scale import OptimalScale
from variata.objectives.pathwise import DoublyReparametrised, PartiallyImportanceWeighted
from variata.objectives.player import Player
from variata.objectives.regularised import CodeNorm, DecoderNorm, Roughness
from variata.objectives.total_correlation import (
    DimensionKL,
    MutualInformation,
    TotalCorrelation,
)

__all__ = [
    "MMD",
    "Adversary",
    "Capacity",
    "ClassBalance",
    "Classification",
    "CodeNorm",
    "CodebookError",
    "Commitment",
    "Consistency",
    "DecoderNorm",
    "Denoising",
    "DensityRatio",
    "Diagonal",
    "DimensionKL",
    "Distortion",
    "DoublyReparametrised",
    "EnumeratedBound",
    "FeatureDistance",
    "FreeBits",
    "ImageCritic",
    "ImportanceBound",
    "LatentCritic",
    "Loss",
    "MutualInformation",
    "Objective",
    "OffDiagonal",
    "OptimalScale",
    "PartiallyImportanceWeighted",
    "Player",
    "PriorDenoising",
    "Rate",
    "Roughness",
    "StandardRate",
    "Term",
    "TotalCorrelation",
    "told_by_level",
]
