"""The latent-variable model and the records of its passes."""

from variata.models.latent import LatentModel
from variata.models.level import Level
from variata.models.start import start
from variata.models.trace import Stage, Trace

__all__ = ["LatentModel", "Level", "Stage", "Trace", "start"]
