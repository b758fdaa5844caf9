"""Saved models: a call, weights and a manifest. No pickle anywhere."""

from variata.store.folder import MANIFEST, exists, load, refuse_in_use, save
from variata.store.saved import Saved
from variata.store.weights import weights_digest

__all__ = ["MANIFEST", "Saved", "exists", "load", "refuse_in_use", "save", "weights_digest"]
