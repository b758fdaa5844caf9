"""Models that are fitted at once, without steps."""

from __future__ import annotations

import time

import torch

from variata.recipes import Composition
from variata.training import Examples, History, Report
from variata.training.validation import validate


def as_prepared(
    made: Composition,
    valid: Examples,
    seed: int,
    device: torch.device,
    log_jacobian: float,
    begun: float,
) -> History:
    """What a training would tell of a model that needs none: one report, of rows to choose by.

    Args:
        made: prepared; its model is moved to `device`.
        valid: examples that had no part in the fit, but for a width to choose.
        log_jacobian: as in `variata.training.fit`.
        begun: when the fit began, by the monotonic clock.
    """
    model = made.model.to(device)
    found = validate(model, made.phases[-1].objective, valid, device, seed)
    shown = {name: value - log_jacobian for name, value in found.as_dict().items()}
    report = Report(
        step=0,
        epoch=0.0,
        progress=1.0,
        seconds=time.monotonic() - begun,
        speed=0.0,
        lr=0.0,
        train={},
        weights={},
        valid=shown,
        criterion=found.criterion - log_jacobian,
        best=True,
    )
    model.eval()
    return History(reports=[report], ended="finished")
