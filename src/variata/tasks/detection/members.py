"""Small models of the same rows, each of which leaves a part of them out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from variata.data import Examples, Source
from variata.errors import DataError
from variata.tasks.collect import Array
from variata.tasks.detection.judge import Judge
from variata.tasks.scikit import in_double_precision
from variata.tasks.train import fit
from variata.training.settings import automatic_batch_size

MEMBERS = 4
STEPS = 1_500  # of every member
VALID = 0.1  # of the rows that a member learns from, to choose the best weights by
FEWEST = 8  # rows
MODEL: dict[str, Any] = {
    "likelihood": "gaussian",  # which gives any value a density, also those never seen
    "linear": True,
    "hidden": (256, 256),
    "compile": "off",
    "precision": "fp32",
    "threads": 1,
}


def trained(
    source: Source, seed: int, device: str, **arguments: Any
) -> Iterator[tuple[Judge, Array]]:
    """Four calibrated models, and which rows each has left out; every row is left out once.

    Args:
        source: rows, of which most are normal.
        seed: of the division and of the models.
        arguments: of the recipe, the settings or the reading of data, for all.

    Raises:
        DataError: fewer than 8 rows, or rows that cannot be used.
    """
    rows = len(source)
    if rows < FEWEST:
        raise DataError(f"A detector needs at least {FEWEST} rows to learn from, got {rows}.")
    order = np.random.default_rng(seed).permutation(rows)
    for member in range(MEMBERS):
        held = np.sort(order[member::MEMBERS])
        rest = np.setdiff1d(order, held)
        yield _judge(source, rest, held, device, seed=seed + member, **arguments), held


def _judge(
    source: Source, rest: Array, held: Array, device: str, seed: int, **arguments: Any
) -> Judge:
    mixed = np.random.default_rng(seed).permutation(rest)
    valid = max(1, round(VALID * len(rest)))
    parts = (np.sort(mixed[valid:]), np.sort(mixed[:valid]), held)
    chosen: dict[str, Any] = MODEL | _length(len(parts[0])) | arguments
    model = fit(replace(source, published=parts), device=device, seed=seed, **chosen)
    exact = in_double_precision(model)
    known = Examples.of(source.values, exact.schema)
    return Judge.of(exact, *(known.subset(torch.as_tensor(part)) for part in (rest, held)))


def _length(rows: int) -> dict[str, int]:
    """So many epochs that there are about 1,500 steps."""
    batch = automatic_batch_size(rows)
    return {"batch_size": batch, "epochs": max(3, round(STEPS * batch / rows))}
