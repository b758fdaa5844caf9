"""Every objective is a scheduled sum of named terms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import torch
from torch import Tensor, nn

from variata.models import LatentModel, Trace
from variata.objectives.player import Player
from variata.schedules import Moment, Schedule

Term = Callable[[LatentModel, Trace, Moment], Tensor]


@dataclass(frozen=True)
class Loss:
    """What one step pays.

    Attributes:
        total: the scalar to differentiate, nats per example.
        terms: every term before its weight, scalars, nats per example.
        weights: the weight of every term at this moment.
    """

    total: Tensor
    terms: dict[str, Tensor]
    weights: dict[str, float]

    def without(self, names: Iterable[str]) -> float:
        """The total without some terms: those whose scale changes as players learn."""
        left_out = sum(self.weights[name] * float(self.terms[name]) for name in names)
        return float(self.total) - left_out


class Objective:
    """A sum of terms, each with a schedule: loss = sum of weight(moment) * mean(term).

    Args:
        samples: how many latents K an example needs.
        terms: name=(schedule, term).

    >>> from variata.objectives import Distortion, Rate
    >>> from variata.schedules import constant
    >>> Objective(distortion=(constant(1), Distortion()), rate=(constant(4), Rate()))
    Objective(distortion, rate, samples=1)
    """

    def __init__(self, samples: int = 1, **terms: tuple[Schedule, Term]) -> None:
        self.samples, self.terms = samples, terms

    def __call__(self, model: LatentModel, trace: Trace, moment: Moment) -> Loss:
        """Evaluate every term on a trace; means are over K and the batch."""
        return self.evaluate(model, trace, moment, list(self.weights(moment).values()))

    @property
    def players(self) -> dict[str, Player]:
        """The terms that must also learn, by name."""
        return {name: term for name, (_, term) in self.terms.items() if isinstance(term, Player)}

    @property
    def unsteady(self) -> list[str]:
        """The terms whose values at different times cannot be compared: a player moves them."""
        return [n for n, (_, term) in self.terms.items() if getattr(term, "unsteady", False)]

    @property
    def latest(self) -> bool:
        """Whether the last weights are the best, whatever validation says of the other terms."""
        return any(player.latest for player in self.players.values())

    def weights(self, moment: Moment) -> dict[str, float]:
        """The weight of every term at a moment."""
        return {name: schedule(moment) for name, (schedule, _) in self.terms.items()}

    def to(self, device: torch.device | str) -> None:
        """Move what terms hold and nobody trains, such as a network of fixed features."""
        held = (value for _, term in self.terms.values() for value in vars(term).values())
        for module in held:
            if isinstance(module, nn.Module):
                module.to(device)

    def evaluate(
        self,
        model: LatentModel,
        trace: Trace,
        moment: Moment,
        weights: Sequence[float] | Sequence[Tensor],
    ) -> Loss:
        """The same with weights given, in the order of the terms."""
        terms = {name: term(model, trace, moment).mean() for name, (_, term) in self.terms.items()}
        each = dict(zip(terms, weights, strict=True))
        return Loss(reduce(add, map(_weighed, terms.values(), weights)), terms, each)  # type: ignore[arg-type]

    def __repr__(self) -> str:
        return f"Objective({', '.join(self.terms)}, samples={self.samples})"


def _weighed(term: Tensor, weight: float | Tensor) -> Tensor:
    """Times its weight, without the operation where that is 1."""
    return term if isinstance(weight, float) and weight == 1 else term * weight
