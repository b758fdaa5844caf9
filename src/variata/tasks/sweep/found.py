"""What a sweep has found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from variata.tasks.sweep.space import Varied, named
from variata.tasks.sweep.trials import STATUS


@dataclass(frozen=True)
class Point:
    """What a combination of arguments came to.

    Attributes:
        params: that were varied.
        status: "done", or why there are no figures.
        rate, distortion: of validation rows, nats per example, in own units.
        front: whether no other has both less rate and less distortion.
    """

    params: Mapping[str, Any]
    status: str
    rate: float | None = None
    distortion: float | None = None
    front: bool = False

    @property
    def elbo(self) -> float | None:
        """-(rate + distortion)."""
        if self.rate is None or self.distortion is None:
            return None
        return -(self.rate + self.distortion)

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        kept = {name: getattr(self, name) for name in ("status", "rate", "distortion", "elbo")}
        return {"params": dict(self.params), **kept, "front": self.front}


@dataclass(frozen=True)
class Sweep:
    """What was found.

    Attributes:
        folder: where every training lies.
        about: the data, the recipe and the budget.
        varied: the arguments.
        points: one for each combination, in the order they were tried in.
    """

    folder: Path
    about: dict[str, Any]
    varied: list[Varied]
    points: list[Point]

    @property
    def best(self) -> Point | None:
        """The point of the highest ELBO."""
        known = [point for point in self.points if point.elbo is not None]
        return max(known, key=lambda point: point.elbo or 0.0, default=None)

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        best = self.best and self.best.as_dict()
        return {"about": self.about, "points": [p.as_dict() for p in self.points], "best": best}


def points_of(study: Any) -> list[Point]:
    """What is known of every combination of a study; of several trials of one, the last."""
    latest = {named(t.params): t for t in study.trials if STATUS in t.user_attrs}
    front = {trial.number for trial in study.best_trials}
    points = []
    for trial in latest.values():
        rate, distortion = trial.values or (None, None)
        status, best = trial.user_attrs[STATUS], trial.number in front
        points.append(Point(trial.params, status, rate, distortion, best))
    return points
