"""variata: variational autoencoders on your own data.

Everything is loaded on first use, so that `import variata` costs little.

>>> from variata import recipes
>>> "vae" in recipes.names()
True
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from variata.version import __version__

if TYPE_CHECKING:
    from variata import errors, loggers, recipes
    from variata.estimator import VAE
    from variata.tasks.comparison.compare import compare
    from variata.tasks.detection.detector import Detector
    from variata.tasks.model import Model, load
    from variata.tasks.refit import refit_prior
    from variata.tasks.sweep.sweep import sweep
    from variata.tasks.train import fit, resume

HOMES = {
    "VAE": "variata.estimator",
    "Detector": "variata.tasks.detection.detector",
    "Model": "variata.tasks.model",
    "compare": "variata.tasks.comparison.compare",
    "fit": "variata.tasks.train",
    "load": "variata.tasks.model",
    "refit_prior": "variata.tasks.refit",
    "resume": "variata.tasks.train",
    "sweep": "variata.tasks.sweep.sweep",
}
MODULES = ("errors", "loggers", "recipes")


def __getattr__(name: str) -> Any:
    if name in MODULES:
        return import_module(f"variata.{name}")
    if name in HOMES:
        return getattr(import_module(HOMES[name]), name)
    raise AttributeError(f"module 'variata' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *HOMES, *MODULES})


__all__ = [
    "VAE",
    "Detector",
    "Model",
    "__version__",
    "compare",
    "errors",
    "fit",
    "load",
    "loggers",
    "recipes",
    "refit_prior",
    "resume",
    "sweep",
]
