"""Terms and bounds: functions of a model and a trace."""

from variata.objectives.density_ratio import DensityRatio
from variata.objectives.elbo import Distortion, Rate
from variata.objectives.importance import ImportanceBound
from variata.objectives.latent_critic import LatentCritic
from variata.objectives.mmd import MMD
from variata.objectives.moments import Diagonal, OffDiagonal
from variata.objectives.objective import Loss, Objective, Term
from variata.objectives.player import Player
from variata.objectives.total_correlation import (
    DimensionKL,
    MutualInformation,
    TotalCorrelation,
)

__all__ = [
    "MMD",
    "DensityRatio",
    "Diagonal",
    "DimensionKL",
    "Distortion",
    "ImportanceBound",
    "LatentCritic",
    "Loss",
    "MutualInformation",
    "Objective",
    "OffDiagonal",
    "Player",
    "Rate",
    "Term",
    "TotalCorrelation",
]
