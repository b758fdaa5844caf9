"""When training ends, and how far it is."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

from variata.schedules import Moment


@dataclass
class Clock:
    """Progress by steps, or by the wall clock when there is a budget and no number of epochs.

    Attributes:
        steps: planned steps; None where only the budget ends the training.
        budget: seconds, or None.
        timed: whether `steps` stand for a budget, because the training was resumed.
        before: seconds already spent by an earlier part of the same training.
        reserve: seconds kept back for what comes after the last step.
        prepared: seconds that went by before the first step, with trials and compilation, which
            count as time spent and not as progress: schedules begin with the training.
    """

    steps: int | None
    budget: float | None = None
    before: float = 0.0
    reserve: float = 0.0
    prepared: float = 0.0
    timed: bool = False
    started: float = field(default_factory=time.monotonic)

    def seconds(self) -> float:
        """Seconds of training so far."""
        return self.before + time.monotonic() - self.started

    def planned(self, step: int) -> int | None:
        """Steps of the whole training, judged at a step: what a resumed training will take.

        A budget thus becomes a number of steps, of which all schedules are functions from then on.

        >>> Clock(100).planned(7), Clock(None, budget=10.0, before=5.0).planned(50)
        (100, 100)
        """
        if self.budget is None or not step:
            return self.steps
        steps = math.ceil(round(step / self.moment(step).progress, 3))
        return steps if self.steps is None else min(steps, self.steps)

    def moment(self, step: int) -> Moment:
        """The moment at a step, with progress from 0 to 1."""
        done = 0.0 if self.steps is None else step / self.steps
        if self.budget is not None:
            trained, left = self.seconds() - self.prepared, self.budget - self.prepared
            done = max(done, trained / max(1e-9, left - self.reserve))
        return Moment(step, min(1.0, done))
