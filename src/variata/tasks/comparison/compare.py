"""`compare`: recipes on the same data, with the same budget and seeds, each measured alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from variata.atomic import make_folder
from variata.data import Examples
from variata.errors import UsageError
from variata.tasks.comparison.answers import Answer, answers
from variata.tasks.comparison.contenders import Contender, contenders, seed_folder
from variata.tasks.comparison.job import Job, Outcome
from variata.tasks.comparison.process import outcomes_of
from variata.tasks.comparison.rows import Row
from variata.tasks.comparison.start import common, make_features, usual_folder
from variata.tasks.interrupt import between_trainings
from variata.tasks.lock import LOCK, Lock
from variata.tasks.source import DataOptions
from variata.training.signals import Stopped, StopRequest

SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Comparison:
    """What was found.

    Attributes:
        folder: where every training lies, with its figures.
        about: the data, the budget, and how it was measured.
        test: rows of the data, of the first seed's test.
        rows: one for each contender, in the order asked for.
        answers: which of them suits which task.
    """

    folder: Path
    about: dict[str, Any]
    test: Examples
    rows: list[Row]
    answers: list[Answer]

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "about": self.about,
            "rows": [row.as_dict() for row in self.rows],
            "answers": [asdict(answer) for answer in self.answers],
        }


def compare(
    data: Any,
    names: Sequence[str] = (),
    *,
    budget: float | str | None = None,
    epochs: int | None = None,
    seeds: Sequence[int] = SEEDS,
    options: DataOptions | None = None,
    rows: int = 2_000,
    k: int = 32,
    jobs: int = 1,
    out: str | Path | None = None,
    device: str = "auto",
    announce: Callable[[str], None] = lambda line: None,
) -> Comparison:
    """Train recipes on data and measure them, each seed in a process of its own.

    A process that fails leaves a row that says so. Everything is kept in a folder: the same call
    again takes up where this one ended, and measures nothing twice.

    Args:
        data: a name of the catalogue, a file, or a folder of images.
        names: of recipes, such as "vae" or "beta_vae:beta=4"; none for those usual for such data.
        budget: seconds for each training, or a text such as "3m"; two minutes, unless epochs are
            given.
        epochs: for each training, instead.
        seeds: of order and noise; errors are over them. The division of rows is that of the first.
        options: how to read and divide the data.
        rows: of the test, and samples, at most, that figures are taken on.
        k: draws of the bound of the likelihood.
        jobs: trainings at a time, with the machine's threads divided among them.
        out: folder; by default runs/compare-DATA-BUDGET.
        device: as in `fit`.
        announce: is told a line for each training.

    Raises:
        UsageError: for an unknown recipe or argument, data in memory, a condition, a budget and
            epochs, or less than one job.
        DataError: when the data cannot be used.
        StoreError: when the folder is in use, or holds another comparison.
        InterruptError: when a signal ended it; the same call goes on.
    """
    if not seeds or len({*seeds}) < len(seeds):
        raise UsageError(f"compare needs one or more seeds, each once, got {list(seeds)}.")
    asked = {"budget": budget, "epochs": epochs, "rows": rows, "k": k, "device": device}
    prepared, job = common(data, options, seed=seeds[0], jobs=jobs, **asked)
    if prepared.condition is not None:
        raise UsageError("compare measures models without a condition: leave it out.")
    found = contenders(names, prepared.schema)
    about = {"data": prepared.name, "described": prepared.schema.describe(), **job.settings}
    about |= {"seeds": list(seeds), "rows": rows, "k": k, "jobs": jobs}
    about["lossy"] = prepared.record["lossy"]
    folder = Path(out or usual_folder("compare", prepared, job.settings))
    job = replace(job, folder=folder)
    make_folder(folder)
    try:
        with StopRequest(), Lock(folder / LOCK):
            if jobs > 1:
                make_features(folder, prepared)
            outcomes = _outcomes(job, found, seeds, announce)
    except Stopped as stopped:
        raise between_trainings(stopped.number, folder) from None
    made = [Row.of(c, {seed: outcomes[c.name, seed] for seed in seeds}) for c in found]
    return Comparison(folder, about, prepared.splits.test, made, answers(made))


def _outcomes(
    job: Job, found: Sequence[Contender], seeds: Sequence[int], announce: Callable[[str], None]
) -> dict[tuple[str, int], Outcome]:
    """Seed by seed, so that there is a figure for every recipe as early as can be."""
    asked = {
        (contender.name, seed): replace(
            job,
            folder=job.folder / seed_folder(contender.folder, seed),
            recipe=contender.recipe,
            arguments=contender.arguments,
            settings=job.settings | {"seed": seed},
        )
        for seed in seeds
        for contender in found
    }
    outcomes: dict[tuple[str, int], Outcome] = {}
    with closing(outcomes_of(asked, job.jobs)) as ended:
        for count, ((name, seed), outcome) in enumerate(ended, 1):
            outcomes[name, seed] = outcome
            announce(f"{count}/{len(asked)}  {name}, seed {seed}: {told(outcome)}")
    return outcomes


def told(outcome: Outcome) -> str:
    """What came of a training, in a line.

    >>> told(Outcome("diverged", "The loss was not finite."))
    'diverged: The loss was not finite.'
    """
    from variata.pictures import number

    if not outcome.done:
        return outcome.failure
    names = {"nll": "NLL", "frechet": "Frechet", "reconstruction": "reconstruction"}
    figures = outcome.found["figures"]
    shown = [
        f"{name} {number(figures[key]['mean'])}" for key, name in names.items() if key in figures
    ]
    return ", ".join([f"trained in {figures['seconds']['mean']:.0f} s", *shown])
