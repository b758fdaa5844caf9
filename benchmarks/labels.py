"""Rows of `reproduce.py` about classes and clusters: MNIST, its pixels rounded to 0 or 1.

Models learn from 50,000 training images and are chosen by the bound on the other 10,000, of which
no label is seen; the accuracy is that on the published 10,000 test images. Every seed is a draw of
labels too. What was measured of a row is kept, so that it goes on where it ended.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from common import variata
from runs import Runs

SEEDS = (0, 1, 2)
LABELS = 100
SPLIT = "0.8333,0.1665,0.0002"
EPOCHS = 2_000  # of the labelled rows alone


def measured(name: str, row: Any, again: bool) -> dict[str, Any]:
    """The mean and the spread over seeds of one row."""
    runs = Runs(f"reproduce/runs/{name}", fresh=again)
    figures = {"classes": classified, "clusters": clustered}[row.by]
    with TemporaryDirectory() as folder:
        data = rounded(Path(folder))
        each = [
            runs.get(partial(figures, row, data, seed), ages=False, seed=seed) for seed in SEEDS
        ]
    summed = {
        f"{key}, %": _spread([run[key] for run in each])
        for key in ("accuracy", "supervised", "nmi")
        if key in each[0]
    }
    best = max(each, key=lambda run: run["valid ELBO"])
    seconds = max(run["command seconds"] for run in each)
    chosen = {"by best ELBO, %": round(100 * best["accuracy"], 2), "command seconds": seconds}
    about = {"recipe": row.recipe, "arguments": " ".join(row.arguments), "seeds": len(each)}
    return about | summed | chosen | {"published": row.published}


def classified(row: Any, data: Path, seed: int) -> dict[str, Any]:
    """A run with few labels, and the same classifier with the same views and these labels alone."""
    run = trained(row, data, seed, "classify", "--labels", str(LABELS))
    return run | {"accuracy": run["accuracy"]["mean"], "supervised": supervised(row, data, seed)}


def clustered(row: Any, data: Path, seed: int) -> dict[str, Any]:
    """A run without labels."""
    run = trained(row, data, seed, "cluster")
    return run | run.pop("agreement")


def trained(row: Any, data: Path, seed: int, verb: str, *more: str) -> dict[str, Any]:
    """Train, then let a verb look at the test images."""
    out = str(data / f"run-{seed}")
    asked = ["--recipe", row.recipe, "--budget", row.budget, "--seed", str(seed), "--split", SPLIT]
    flags = [*row.arguments, *more, "--out", out, "--quiet", "--json"]
    text, seconds = variata("train", str(data / "train.npz"), *asked, *flags)
    told = json.loads(text)
    text, _ = variata(verb, out, str(data / "test.npz"), "--json")
    figures = {"valid ELBO": told["valid"]["elbo"], "epochs": round(told["training"]["epochs"], 1)}
    return figures | {"command seconds": round(seconds, 1)} | json.loads(text)


def supervised(row: Any, data: Path, seed: int) -> float:
    """The accuracy of the same classifier, with the same views, trained on rows with a label."""
    from variata.objectives import Classification, Objective
    from variata.schedules import constant
    from variata.tasks.plan import compose
    from variata.tasks.source import DataOptions, prepare_data
    from variata.training import Phase, Settings, fit

    shares = tuple(map(float, SPLIT.split(",")))
    options = DataOptions(labels=LABELS, fractions=shares)  # type: ignore[arg-type]
    prepared = prepare_data(str(data / "train.npz"), options, seed)
    flags = row.arguments
    views = {"augment": flags[flags.index("--augment") + 1]} if "--augment" in flags else {}
    made, train = compose(row.recipe, prepared, views, Settings(seed=seed)), prepared.splits.train
    few = train.subset((train.labels >= 0).nonzero()[:, 0])  # type: ignore[operator]
    objective = Objective(classification=(constant(1), Classification()))
    phase = Phase(objective, view=made.phases[0].view)
    fit(made.model, [phase], few, few, Settings(epochs=EPOCHS, patience=1.0, seed=seed))
    test = np.load(data / "test.npz")
    x, right = torch.as_tensor(test["x"]).float()[:, None], 0
    level: Any = made.model.levels[0]
    with torch.inference_mode():
        for part, y in zip(x.split(500), torch.as_tensor(test["y"]).split(500), strict=True):
            right += int((level.posterior(None, (part,)).probs.argmax(1) == y).sum())
    return right / len(x)


def rounded(folder: Path) -> Path:
    """Write `train.npz` and `test.npz`, x of 0 and 1 and the digits y; returns the folder."""
    from variata.data import open_source

    source: Any = open_source("mnist")
    x, y = (np.asarray(source.values) > 127).astype(np.uint8), np.asarray(source.labels)
    test = np.asarray(source.published[2])
    rest = np.setdiff1d(np.arange(len(x)), test)
    for name, rows in (("train", rest), ("test", test)):
        np.savez_compressed(folder / f"{name}.npz", x=x[rows], y=y[rows])
    return folder


def _spread(values: Sequence[float]) -> str:
    """The mean and the standard deviation over seeds, and the least."""
    mean, spread = 100 * statistics.fmean(values), 100 * statistics.stdev(values)
    return f"{mean:.2f} +- {spread:.2f} (least {100 * min(values):.2f})"
