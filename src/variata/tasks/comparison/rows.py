"""The figures of a recipe over its seeds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from variata.tasks.comparison.contenders import Contender, seed_folder
from variata.tasks.comparison.figures import Figure, Figures
from variata.tasks.comparison.job import Outcome


@dataclass(frozen=True)
class Row:
    """What came of a recipe.

    Attributes:
        name: of the contender.
        folder: of its trainings, in that of the comparison.
        outcomes: of every seed.
        figures: by name, the mean over seeds with its standard error over seeds; of one seed, as
            it was measured.
        likelihood: what `nll` is: "exact", "bound", "estimated" or "none".
        abilities: what the model can do.
    """

    name: str
    folder: str
    outcomes: Mapping[int, Outcome]
    figures: Figures
    likelihood: str
    abilities: Mapping[str, bool]

    @classmethod
    def of(cls, contender: Contender, outcomes: Mapping[int, Outcome]) -> Row:
        """The row of a recipe from what came of its seeds."""
        done = [outcome.found for outcome in outcomes.values() if outcome.done]
        each: dict[str, list[Figure]] = {}
        for found in done:
            for name, figure in found["figures"].items():
                each.setdefault(name, []).append(figure)
        figures = {name: over_seeds(known) for name, known in each.items()}
        nothing = {"likelihood": "none", "abilities": {}}
        first = next((f for f in done if f["likelihood"] != "none"), (done or [nothing])[0])
        return cls(
            contender.name,
            contender.folder,
            outcomes,
            figures,
            first["likelihood"],
            first["abilities"],
        )

    @property
    def done(self) -> int:
        """How many trainings were measured."""
        return sum(outcome.done for outcome in self.outcomes.values())

    @property
    def ended(self) -> str:
        """How its trainings ended, in words."""
        failed = {s: o for s, o in self.outcomes.items() if not o.done}
        count = f"{len(self.outcomes) - len(failed)} of {len(self.outcomes)} done"
        told = [f"seed {seed} {outcome.status}" for seed, outcome in failed.items()]
        return ", ".join([count, *told])

    @property
    def curve(self) -> list[tuple[float, float]]:
        """(seconds, -ELBO or -log p(x) of validation rows) of the first seed that is done."""
        return next((o.found["curve"] for o in self.outcomes.values() if o.done), [])

    def path(self, whole: Path, file: str) -> Path | None:
        """A file of the first seed that is done; None where there is none."""
        done = (s for s, outcome in self.outcomes.items() if outcome.done)
        paths = (whole / seed_folder(self.folder, s) / file for s in done)
        return next((path for path in paths if path.is_file()), None)

    def each(self, name: str) -> dict[int, Figure]:
        """A figure of every seed that has it."""
        found = {s: o.found["figures"] for s, o in self.outcomes.items() if o.done}
        return {seed: figures[name] for seed, figures in found.items() if name in figures}

    def get(self, name: str) -> float | None:
        """The mean of a figure; None where there is none."""
        return self.figures[name]["mean"] if name in self.figures else None

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        seeds = [
            {"seed": s, "status": o.status, "reason": o.reason, **o.found}
            for s, o in self.outcomes.items()
        ]
        return {
            "name": self.name,
            "ended": self.ended,
            "likelihood": self.likelihood,
            "abilities": dict(self.abilities),
            "figures": self.figures,
            "seeds": seeds,
        }


def over_seeds(figures: Sequence[Figure]) -> Figure:
    """The mean over seeds and its standard error over seeds; of one seed, its own figure.

    >>> over_seeds([{"mean": 1.0, "se": 0.5}, {"mean": 3.0, "se": None}])
    {'mean': 2.0, 'se': 1.0}
    >>> over_seeds([{"mean": 1.0, "se": 0.5}])
    {'mean': 1.0, 'se': 0.5}
    """
    if len(figures) == 1:
        return figures[0]
    values = [figure["mean"] for figure in figures]
    se = statistics.stdev(values) / math.sqrt(len(values))
    return {"mean": statistics.fmean(values), "se": se}
