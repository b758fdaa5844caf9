"""`sweep`: a recipe with varied arguments, by the rate and distortion of validation rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from variata.atomic import make_folder
from variata.errors import NoDensityError, UsageError
from variata.models import likelihood_of
from variata.tasks.comparison.contenders import Contender, folder_of
from variata.tasks.comparison.job import Outcome
from variata.tasks.comparison.process import outcome_of
from variata.tasks.comparison.start import common, usual_folder
from variata.tasks.interrupt import between_trainings
from variata.tasks.lock import LOCK, Lock
from variata.tasks.plan import compose
from variata.tasks.source import DataOptions, Prepared
from variata.tasks.sweep.found import Sweep, points_of
from variata.tasks.sweep.space import Varied, grid, named, said
from variata.tasks.sweep.trials import opened, run
from variata.training import Settings
from variata.training.signals import Stopped, StopRequest

TRIALS = 20  # of ranges, unless said


def sweep(
    data: Any,
    vary: Sequence[str],
    recipe: str = "vae",
    *,
    trials: int | None = None,
    budget: float | str | None = None,
    epochs: int | None = None,
    seed: int = 0,
    options: DataOptions | None = None,
    rows: int = 2_000,
    storage: str = "",
    out: str | Path | None = None,
    device: str = "auto",
    announce: Callable[[str], None] = lambda line: None,
) -> Sweep:
    """Train a recipe with many arguments, each in a process of its own, and measure their bounds.

    Lists make a grid; where there is a range, Optuna's tree-structured Parzen estimator looks for
    arguments with little rate and little distortion. The study is kept on disk, so that the same
    call goes on where this one ended; machines that share a storage share the work.

    Args:
        data: a name of the catalogue, a file, or a folder of images.
        vary: such as "latent=4,8,16" or "beta=0.5..8": arguments of the recipe or settings.
        recipe: its name, with fixed arguments such as "beta_vae:latent=8".
        trials: of a sweep over ranges, 20 unless said.
        budget: seconds for each training, or a text such as "3m"; two minutes, unless epochs are
            given.
        epochs: for each training, instead.
        seed: of split, order, noise and search.
        options: how to read and divide the data.
        rows: of the validation part, at most, that figures are taken on.
        storage: the address of a database, such as "postgresql://..."; by default a file in `out`.
        out: folder; by default runs/sweep-DATA-RECIPE-BUDGET.
        device: as in `fit`.
        announce: is told a line for each training.

    Raises:
        UsageError: for an unknown recipe or argument, or nothing to vary.
        NoDensityError: for a recipe without a likelihood.
        DataError: when the data cannot be used.
        MissingExtraError: Optuna is not installed.
        StoreError: when the folder is in use.
        InterruptError: when a signal ended it; the same call goes on.

    References:
        Optuna (Akiba et al., 2019), arXiv:1907.10902
        Fixing a Broken ELBO (Alemi et al., 2018), arXiv:1711.00464
    """
    contender = Contender.of(recipe)
    varied = [Varied.of(text, contender.recipe) for text in vary]
    if not varied or len({v.name for v in varied}) < len(varied):
        raise UsageError("sweep needs arguments to vary, each once: --vary latent=4,8,16 beta=1,4.")
    if trials is not None and grid(varied) is not None:
        raise UsageError("A grid has as many trials as combinations: leave --trials out.")
    asked = {"budget": budget, "epochs": epochs, "rows": rows, "device": device}
    prepared, job = common(data, options, seed=seed, measures="bound", **asked)
    first = {one.name: one.values[0] for one in varied}
    kind = _kind_of_rate(contender.recipe, contender.arguments | first, prepared)
    folder = Path(out or usual_folder("sweep", prepared, job.settings, folder_of(contender.name)))
    about = {"data": prepared.name, "recipe": contender.name, **job.settings, "seed": seed}
    title, count = study_name(about, vary, prepared.record), 0

    def attempt(params: dict[str, Any]) -> Outcome:
        nonlocal count
        count += 1
        outcome = outcome_of(
            replace(
                job,
                folder=folder / "trials" / folder_of(named(params)),
                recipe=contender.recipe,
                arguments=contender.arguments | params,
                settings=job.settings | {"seed": seed},
            )
        )
        announce(f"{count}  {said(params)}: {_told(outcome)}")
        return outcome

    make_folder(folder)
    try:
        with StopRequest(), Lock(folder / LOCK):
            url = storage or f"sqlite:///{(folder / 'study.db').resolve()}"
            study = opened(url, title, seed)
            run(study, varied, trials or TRIALS, folder, attempt)
    except Stopped as stopped:
        raise between_trainings(stopped.number, folder) from None
    return Sweep(folder, about | {"likelihood": kind}, varied, points_of(study))


def study_name(about: dict[str, Any], vary: Sequence[str], record: dict[str, Any]) -> str:
    """What tells one sweep from all others in a storage: what is trained, and on which rows.

    Args:
        record: of the data, with the digest of its rows and the options that divided them.
    """
    rows = json.dumps([record["fingerprint"], record["options"]], sort_keys=True)
    told = [f"{name} {value}" for name, value in about.items()]
    told += [f"varied {' '.join(vary)}", f"of {sha256(rows.encode()).hexdigest()[:12]}"]
    return ", ".join(told)


def _kind_of_rate(recipe: str, arguments: dict[str, Any], prepared: Prepared) -> str:
    """What rate and distortion are: exact, a bound or estimated; refused where there are none."""
    settings = {field.name for field in fields(Settings)}
    own = {name: value for name, value in arguments.items() if name not in settings}
    kind = likelihood_of(compose(recipe, prepared, own, Settings()).model)
    if kind == "none":
        raise NoDensityError(
            f"The recipe {recipe} has no rate to hold against distortion: its arguments can be "
            "compared with `variata compare`."
        )
    return kind


def _told(outcome: Outcome) -> str:
    if not outcome.done:
        return outcome.failure
    figures = outcome.found["figures"]
    return ", ".join(f"{n} {figures[n]['mean']:.2f}" for n in ("rate", "distortion", "elbo"))
