"""What a stage of training minimises, on which view of the data, and for how long."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from variata.batch import Batch
from variata.errors import UsageError
from variata.objectives import Objective, Player
from variata.schedules import Moment

View = Callable[[Batch], Batch]


@dataclass(frozen=True)
class Phase:
    """One stage of training.

    Attributes:
        objective: what is minimised.
        share: of the whole training that this phase takes.
        view: what is done to every batch first (shifting, corrupting); None for nothing.
    """

    objective: Objective
    share: float = 1.0
    view: View | None = None


def phase_at(phases: Sequence[Phase], moment: Moment) -> Phase:
    """The phase that a moment lies in.

    Raises:
        UsageError: when there is no phase.
    """
    if not phases:
        raise UsageError("fit needs at least one phase.")
    if len(phases) == 1:
        return phases[0]
    total, end = sum(phase.share for phase in phases), 0.0
    for phase in phases:
        end += phase.share / total
        if moment.progress < end:
            return phase
    return phases[-1]


def players_of(phases: Sequence[Phase]) -> list[Player]:
    """The players of all phases, each once, in order."""
    found = {id(p): p for phase in phases for p in phase.objective.players.values()}
    return list(found.values())
