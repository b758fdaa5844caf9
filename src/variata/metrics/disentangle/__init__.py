"""How well single codes stand for single factors of variation, where the factors are known."""

from variata.metrics.disentangle.beta_vae import beta_vae_score
from variata.metrics.disentangle.dci import DCI, dci
from variata.metrics.disentangle.explicitness import explicitness
from variata.metrics.disentangle.factor_vae import factor_vae_score
from variata.metrics.disentangle.information import entropies, information_matrix
from variata.metrics.disentangle.mig import information_gaps, mig
from variata.metrics.disentangle.modularity import modularity
from variata.metrics.disentangle.record import Disentanglement, disentanglement
from variata.metrics.disentangle.sap import sap

__all__ = [
    "DCI",
    "Disentanglement",
    "beta_vae_score",
    "dci",
    "disentanglement",
    "entropies",
    "explicitness",
    "factor_vae_score",
    "information_gaps",
    "information_matrix",
    "mig",
    "modularity",
    "sap",
]
