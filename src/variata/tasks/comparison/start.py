"""What all jobs of a comparison or a sweep have in common: the data, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from variata.errors import UsageError
from variata.tasks.comparison.job import Job
from variata.tasks.source import DataOptions, Prepared, prepare_data
from variata.training import Settings

BUDGET = 120.0  # seconds of a training


def common(
    data: Any,
    options: DataOptions | None,
    *,
    budget: float | None,
    epochs: int | None,
    seed: int,
    **more: Any,
) -> tuple[Prepared, Job]:
    """The data, and a job without folder, recipe and seed.

    Args:
        data, options: what is read. budget, epochs: of a training. seed: of the division.
        more: fields of the job.

    Raises:
        UsageError: for values in memory, which no other process can read, a length that is none, or
            a budget and epochs.
        DataError: when the data cannot be used.
    """
    if not isinstance(data, str | Path):
        raise UsageError("Trainings read the data in processes of their own: name a file.")
    if budget is not None and epochs is not None:
        raise UsageError("Give a budget or epochs, not both.")
    options = options or DataOptions()
    prepared = prepare_data(str(data), options, seed)
    settings: dict[str, Any] = {"budget": BUDGET if budget is None else budget}
    settings = settings if epochs is None else {"epochs": epochs}
    Settings(**settings)  # refuses what is no length
    known = {"data": prepared.record["source"], "fingerprint": prepared.record["fingerprint"]}
    job = Job(
        Path(), options=asdict(options), recipe="", arguments={}, settings=settings, **known, **more
    )
    return prepared, job


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
