"""The latent-variable model and the records of its passes."""

from variata.models.abilities import Likelihood, decodes, encodes, likelihood_of
from variata.models.latent import LatentModel
from variata.models.level import Level
from variata.models.start import start
from variata.models.trace import Stage, Trace

__all__ = [
    "LatentModel",
    "Level",
    "Likelihood",
    "Stage",
    "Trace",
    "decodes",
    "encodes",
    "likelihood_of",
    "start",
]
