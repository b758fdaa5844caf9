"""Terms and bounds: functions of a model and a trace."""

from variata.objectives.elbo import Distortion, Rate
from variata.objectives.importance import ImportanceBound
from variata.objectives.objective import Loss, Objective, Term
from variata.objectives.player import Player
from variata.objectives.regularised import CodeNorm, DecoderNorm, Roughness

__all__ = [
    "CodeNorm",
    "DecoderNorm",
    "Distortion",
    "ImportanceBound",
    "Loss",
    "Objective",
    "Player",
    "Rate",
    "Roughness",
    "Term",
]
