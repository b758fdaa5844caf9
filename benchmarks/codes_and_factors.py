"""Rows of `reproduce.py` about codes in use, factors told apart, and samples."""

from __future__ import annotations

import json
import statistics
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from common import trained, variata
from runs import Run, Runs

SEEDS = (0, 1, 2)
OF_CODES = (
    *("data", "recipe", "arguments", "codes in use, %", "perplexity"),
    *("bits/dim, at most", "Frechet", "command seconds"),
)

OF_SAMPLES = ("data", "recipe", "arguments", "Frechet", "precision", "recall", "command seconds")


def measured(name: str, row: Any, again: bool) -> dict[str, Any]:
    """The figures of one row; runs of it that were made before are kept."""
    runs = Runs(f"reproduce/runs/{name}", fresh=again)
    which = {"recipe": row.recipe, "data": row.data, "budget": row.budget}
    which["arguments"] = " ".join(row.arguments)
    if row.by == "samples":
        run = runs.get(partial(sampled, row, 0), ages=False, seed=0, **which)
        return {name: run[name] for name in OF_SAMPLES} | {"published": row.published}
    if row.by == "codes":
        run = runs.get(partial(coded, row, 0), ages=False, seed=0, **which)
        return {name: run[name] for name in OF_CODES} | {"published": row.published}
    each = [runs.get(partial(told, row, seed), ages=False, seed=seed, **which) for seed in SEEDS]
    return factors(row, each)


def coded(row: Any, seed: int) -> Run:
    """A model of codes, its samples drawn by its prior: usage, a bound, and a distance."""
    run, figures = evaluated(row, seed)
    (codes,) = figures["codes"]
    return run | {
        "codes in use, %": round(100 * codes["used"], 1),
        "perplexity": round(codes["perplexity"], 1),
        "bits/dim, at most": round(figures["bits_per_dim"], 4),
        "Frechet": round(figures["samples"]["frechet"], 2),
    }


def sampled(row: Any, seed: int) -> Run:
    """How like the data samples are, in the features of our classifier."""
    run, figures = evaluated(row, seed)
    found = figures["samples"]
    return run | {
        name: round(found[name.lower()], 3) for name in ("Frechet", "precision", "recall")
    }


def told(row: Any, seed: int) -> Run:
    """How well latents tell the known factors of rows."""
    run, figures = evaluated(row, seed, "--no-samples", "--k", "1")  # a bound is not asked for
    found = figures["disentanglement"]
    return run | {"mig": found["mig"], "dci": found["dci_disentanglement"], "codes": found["codes"]}


def evaluated(row: Any, seed: int, *more: str) -> tuple[Run, dict[str, Any]]:
    """One training, and what `evaluate` says of it."""
    with TemporaryDirectory() as folder:
        out = str(Path(folder) / "run")
        training, seconds = trained(out, row.data, row.recipe, row.budget, seed, *row.arguments)
        text, _ = variata("evaluate", out, *more, "--no-report", "--json")
    run = {"command seconds": round(seconds, 1), "epochs": round(training["epochs"], 1)}
    return run, json.loads(text)


def factors(row: Any, each: list[Run]) -> dict[str, Any]:
    """The median over seeds, and every seed."""
    return {
        "data": row.data,
        "recipe": row.recipe,
        "arguments": " ".join(row.arguments),
        "MIG, median": round(statistics.median(run["mig"] for run in each), 3),
        "of seeds": ", ".join(f"{run['mig']:.3f}" for run in each),
        "DCI, median": round(statistics.median(run["dci"] for run in each), 3),
        "latents that move": ", ".join(str(run["codes"]) for run in each),
        "command seconds": max(run["command seconds"] for run in each),
        "published": row.published,
    }
