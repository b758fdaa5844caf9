"""What may train and load: fit, the trained model and its verbs, evaluation, diagnosis, reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from variata.tasks.detection.detector import Detector


def __getattr__(name: str) -> Any:
    if name == "Detector":  # which needs scikit-learn
        from variata.tasks.detection.detector import Detector

        return Detector
    raise AttributeError(f"module 'variata.tasks' has no attribute '{name}'")


__all__ = ["Detector"]
