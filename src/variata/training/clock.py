"""When training ends, and how far it is."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from variata.schedules import Moment


@dataclass
class Clock:
    """Progress by steps, or by the wall clock when there is a budget and no number of epochs.

    Attributes:
        steps: planned steps; None where only the budget ends the training.
        budget: seconds, or None.
        before: seconds already spent by an earlier part of the same training.
        reserve: seconds kept back for what comes after the last step.
    """

    steps: int | None
    budget: float | None = None
    before: float = 0.0
    reserve: float = 0.0
    started: float = field(default_factory=time.monotonic)

    def seconds(self) -> float:
        """Seconds of training so far."""
        return self.before + time.monotonic() - self.started

    def moment(self, step: int) -> Moment:
        """The moment at a step, with progress from 0 to 1."""
        done = 0.0 if self.steps is None else step / self.steps
        if self.budget is not None:
            done = max(done, self.seconds() / max(1e-9, self.budget - self.reserve))
        return Moment(step, min(1.0, done))
