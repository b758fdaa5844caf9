"""What all jobs of a comparison or a sweep have in common: the data, read once."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from variata.durations import seconds_of
from variata.errors import UsageError, VariataError
from variata.tasks.comparison.job import FEATURES, Job
from variata.tasks.samples import features_for
from variata.tasks.source import DataOptions, Prepared, prepare_data
from variata.training import Settings

BUDGET = 120.0  # seconds of a training


def common(
    data: Any,
    options: DataOptions | None,
    *,
    budget: float | str | None,
    epochs: int | None,
    seed: int,
    jobs: int = 1,
    **more: Any,
) -> tuple[Prepared, Job]:
    """The data, and a job without folder, recipe and seed.

    Args:
        data, options: what is read. budget, epochs: of a training. seed: of the division.
        jobs: done at a time, with the machine's threads divided among them; one chooses its own.
        more: fields of the job.

    Raises:
        UsageError: for values in memory, which no other process can read, a length that is none, a
            budget and epochs, or less than one job.
        DataError: when the data cannot be used.
    """
    if not isinstance(data, str | Path):
        raise UsageError("Trainings read the data in processes of their own: name a file.")
    if budget is not None and epochs is not None:
        raise UsageError("Give a budget or epochs, not both.")
    if jobs < 1:
        raise UsageError(f"jobs must be at least 1, got {jobs}.")
    options = replace(options or DataOptions(), split_seed=seed)
    prepared = prepare_data(str(data), options, seed)
    settings: dict[str, Any] = {"budget": BUDGET if budget is None else seconds_of(budget)}
    settings = settings if epochs is None else {"epochs": epochs}
    if jobs > 1:
        settings["threads"] = max(1, torch.get_num_threads() // jobs)
    Settings(**settings)  # refuses what is no length
    known = {"data": prepared.record["source"], "fingerprint": prepared.record["fingerprint"]}
    given = {"options": asdict(options), "settings": settings, "jobs": jobs}
    return prepared, Job(Path(), recipe="", arguments={}, **given, **known, **more)


def make_features(folder: Path, prepared: Prepared) -> None:
    """Make the features that all jobs share, before several of them need them at the same time."""
    with suppress(VariataError):  # a job that needs them says why there are none
        features_for(prepared.record, prepared.splits.train, folder / FEATURES)


def usual_folder(verb: str, prepared: Prepared, settings: dict[str, Any], *more: str) -> Path:
    """Named after what is asked, so that the same, asked again, is found again."""
    length = length_said(settings).replace(" s", "s").replace(" ", "-")
    return Path("runs") / "-".join([verb, Path(prepared.name).stem, *more, length])


def length_said(settings: Mapping[str, Any]) -> str:
    """How long each training takes.

    >>> length_said({"budget": 120.0}), length_said({"epochs": 3})
    ('120 s', '3 epochs')
    """
    return f"{settings['budget']:g} s" if "budget" in settings else f"{settings['epochs']} epochs"
