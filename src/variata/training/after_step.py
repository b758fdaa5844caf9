"""What changes after a step without a gradient: codebooks that follow, temperatures that fall."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any, Protocol

from torch import Tensor

from variata.conditionals import head_of
from variata.models import LatentModel, Trace
from variata.schedules import Moment


class Follower(Protocol):
    """A posterior that changes after steps.

    Attributes:
        gathered: how many tensors its statistics are.
    """

    gathered: int

    def statistics(self, q: Any) -> list[Tensor]:
        """What it needs to know of a batch, as means over rows, which parts of a batch average."""
        ...

    def after_step(self, statistics: Sequence[Tensor], moment: Moment) -> None:
        """Change in place, once all players have moved: compiled steps read these very tensors."""
        ...


class Followers:
    """All posteriors of a model that change after steps."""

    def __init__(self, model: LatentModel) -> None:
        heads: list[Any] = [head_of(level.posterior) for level in model.levels]
        self.places: list[tuple[int, Follower]] = [
            (i, head) for i, head in enumerate(heads) if hasattr(head, "after_step")
        ]

    def statistics(self, trace: Trace) -> list[Tensor]:
        """What all of them need to know of a trace."""
        return [
            value.detach()
            for i, follower in self.places
            for value in follower.statistics(trace.stages[i].q)
        ]

    def after_step(self, statistics: Sequence[Tensor], moment: Moment) -> None:
        """Let all of them change."""
        rest = iter(statistics)
        for _, follower in self.places:
            follower.after_step(list(islice(rest, follower.gathered)), moment)
