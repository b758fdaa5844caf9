"""What changes after a step without a gradient: codebooks that follow, temperatures that fall."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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


def statistics_of(model: LatentModel, trace: Trace) -> list[Tensor]:
    """What all followers of a model need to know of a trace."""
    return [
        value.detach()
        for i, follower in _followers(model)
        for value in follower.statistics(trace.stages[i].q)
    ]


def after_step(model: LatentModel, statistics: Sequence[Tensor], moment: Moment) -> None:
    """Let all followers of a model change."""
    rest = iter(statistics)
    for _, follower in _followers(model):
        follower.after_step(list(islice(rest, follower.gathered)), moment)


def _followers(model: LatentModel) -> Iterator[tuple[int, Follower]]:
    for i, level in enumerate(model.levels):
        posterior: Any = head_of(level.posterior)
        if hasattr(posterior, "after_step"):
            yield i, posterior
