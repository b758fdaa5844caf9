"""Terms and bounds: functions of a model and a trace."""

from variata.objectives.capacity import Capacity
from variata.objectives.elbo import Distortion, Rate
from variata.objectives.free_bits import FreeBits
from variata.objectives.importance import ImportanceBound
from variata.objectives.objective import Loss, Objective, Term
from variata.objectives.optimal_scale import OptimalScale
from variata.objectives.pathwise import DoublyReparametrised, PartiallyImportanceWeighted
from variata.objectives.player import Player
from variata.objectives.regularised import CodeNorm, DecoderNorm, Roughness

__all__ = [
    "Capacity",
    "CodeNorm",
    "DecoderNorm",
    "Distortion",
    "DoublyReparametrised",
    "FreeBits",
    "ImportanceBound",
    "Loss",
    "Objective",
    "OptimalScale",
    "PartiallyImportanceWeighted",
    "Player",
    "Rate",
    "Roughness",
    "Term",
]
