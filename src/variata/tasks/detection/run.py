"""A detector of a model that is trained already."""

from __future__ import annotations

from typing import Any

import torch

from variata.data import Examples
from variata.errors import DataError
from variata.tasks.abilities import require_encoder
from variata.tasks.detection.detector import Detector
from variata.tasks.detection.judge import Judge
from variata.tasks.detection.members import FEWEST
from variata.tasks.model import Model
from variata.tasks.scikit import in_double_precision
from variata.tasks.show import some
from variata.tasks.source import reopened

ROWS = 10_000  # that a model has learnt from, at most
HELD = 5_000  # others, which scores are calibrated by, at most
SHARE = 0.2  # of normal rows that were given, which calibrate


def detector_of(model: Model, normal: Any = None, contamination: float = 0.1) -> Detector:
    """A detector by one trained model, whose rows it takes to be normal.

    Args:
        model: of any recipe that encodes and decodes.
        normal: rows instead of those that the model was trained on, a fifth of which calibrate.
        contamination: share of the held-out normal rows that are to be called anomalies.

    Raises:
        DataError: the model's own rows are not at hand and no others were given, or too few.
        UsageError: a model that cannot encode, or a contamination that is no share of at most 0.5.
    """
    require_encoder(model.recipe, model.module, "detect")
    detector = Detector(contamination).checked()
    exact = in_double_precision(model)
    learned, held = _normal(exact, normal)
    judge = Judge.of(exact, some(learned, ROWS), some(held, HELD))
    return detector.settle([judge], judge.held.numpy())


def _normal(model: Model, normal: Any) -> tuple[Examples, Examples]:
    if normal is None:
        parts = reopened(model.saved.about.get("data", {}))
        return parts.train, parts.valid
    rows = some(model.examples(normal), ROWS + HELD)
    if len(rows) < FEWEST:
        raise DataError(f"At least {FEWEST} usual rows are needed, got {len(rows)}: give more.")
    held = max(1, round(len(rows) * SHARE))
    order = torch.arange(len(rows))
    return rows.subset(order[held:]), rows.subset(order[:held])
