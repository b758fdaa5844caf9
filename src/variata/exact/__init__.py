"""Models in arithmetic that gives the same bits on every machine: networks, and probabilities."""

from variata.exact.model import ExactModel, arithmetic
from variata.exact.priors import GaussianMixture
from variata.exact.symbols import Paths, Symbols

__all__ = ["ExactModel", "GaussianMixture", "Paths", "Symbols", "arithmetic"]
