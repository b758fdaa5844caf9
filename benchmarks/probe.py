"""Classifiers with few labels on latents, on PCA of the same size, and on raw values.

    python benchmarks/probe.py [--data mnist fashion_mnist] [--budget 3m] [--draws 10] [--run RUN]

Trains `variata train` without labels on the published training rows (or takes a run that is there,
for one `--data`), draws labels of them, and measures on test rows.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import torch
from common import table, trained, write

from variata import load
from variata.tasks.probe import LABELS, probe

DATA = ("mnist", "fashion_mnist")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", nargs="+", default=list(DATA), choices=DATA)
    parser.add_argument("--recipe", default="vae")
    parser.add_argument("--budget", default="3m")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--run", type=Path, help="a trained run, instead of a training")
    options, more = parser.parse_known_args()
    if options.run is not None and len(options.data) > 1:
        parser.error("--run needs the one --data that it was trained on")
    rows: list[dict[str, Any]] = []
    for data in options.data:
        with tempfile.TemporaryDirectory() as folder:
            run = options.run or Path(folder) / "run"
            if options.run is None:
                trained(run, data, options.recipe, options.budget, options.seed, *more)
            rows += measured(data, run, options.draws, options.seed)
    table(rows)
    settings = {name: getattr(options, name) for name in ("recipe", "budget", "draws", "seed")}
    print(write("probe", rows, settings | {"more": " ".join(more)}))


def measured(data: str, run: Path, draws: int, seed: int) -> list[dict[str, Any]]:
    """Accuracies, in per cent, for every number of labels."""
    torch.set_num_threads(1)
    found = probe(load(run), labels=LABELS, draws=draws, seed=seed)
    rows = []
    for count in LABELS:
        row: dict[str, Any] = {"data": data, "labels": count, "size": found.size}
        for name in ("latents", "pca", "raw"):
            reading = found.of(name, count)
            row |= {name: round(100 * reading.mean, 2), f"{name} sd": round(100 * reading.sd, 2)}
        rows.append(row)
    return rows


if __name__ == "__main__":
    main()
