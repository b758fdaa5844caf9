"""Training: `learn` takes a step, `fit` is the loop."""

from variata.training.callbacks import Callback, Callbacks
from variata.training.checkpoint import Checkpoint
from variata.training.fit import fit
from variata.training.history import History, Report
from variata.training.optimiser import learn
from variata.training.phase import Phase
from variata.training.processes import Processes, joined
from variata.training.randomness import forked, reseed
from variata.training.settings import Settings
from variata.training.validation import Examples, on

__all__ = [
    "Callback",
    "Callbacks",
    "Checkpoint",
    "Examples",
    "History",
    "Phase",
    "Processes",
    "Report",
    "Settings",
    "fit",
    "forked",
    "joined",
    "learn",
    "on",
    "reseed",
]
