"""What a sweep has found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
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
        front: whether no other beats it.
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

    def beats(self, other: Point) -> bool:
        """Whether it has less rate and less distortion, or less of one and as much of the other."""
        if self.rate is None or self.distortion is None:
            return False
        if other.rate is None or other.distortion is None:
            return True
        mine, theirs = (self.rate, self.distortion), (other.rate, other.distortion)
        return mine != theirs and mine[0] <= theirs[0] and mine[1] <= theirs[1]

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        kept = {name: getattr(self, name) for name in ("status", "rate", "distortion", "elbo")}
        return {"params": dict(self.params), **kept, "front": self.front}


@dataclass(frozen=True)
class Sweep:
    """What was found.

    Attributes:
        folder: where every training lies.
        about: the data, the recipe, the budget, and what its likelihood is.
        varied: the arguments.
        points: one for each combination, in the order they were tried in.
    """

    folder: Path
    about: dict[str, Any]
    varied: list[Varied]
    points: list[Point]

    @property
    def mark(self) -> str:
        """What is said of rate and ELBO where they are estimates."""
        return ", estimated" if self.about.get("likelihood") == "estimated" else ""

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
    points = []
    for trial in latest.values():
        rate, distortion = trial.values or (None, None)
        points.append(Point(trial.params, trial.user_attrs[STATUS], rate, distortion))
    known = [point for point in points if point.elbo is not None]
    return [
        replace(point, front=point in known and not any(other.beats(point) for other in known))
        for point in points
    ]
