"""Whether a model of Fashion-MNIST finds MNIST digits likely, and whether it finds them typical.

    python benchmarks/density.py [--data fashion_mnist] [--other mnist] [--budget 3m] [--run RUN]

The scores are importance-weighted bounds of test rows of both; typicality is the two-sided rank
among validation rows. AUROC is the chance that a row of the other data looks less usual.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from common import table, trained, write
from sklearn.metrics import roc_auc_score

from variata import load
from variata.tasks.goodness import goodness_of_fit
from variata.tasks.model import Model
from variata.tasks.show import in_own_units, some
from variata.tasks.source import DataOptions, prepare_data, reopened

ROWS = 2_000  # of each


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", default="fashion_mnist")
    parser.add_argument("--other", default="mnist")
    parser.add_argument("--budget", default="3m")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--run", type=Path, help="a trained run, instead of a training")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = options.run or Path(folder) / "run"
        if options.run is None:
            trained(run, options.data, "vae", options.budget, options.seed)
        rows = measured(load(run), options.other)
    table(rows)
    settings = {name: getattr(options, name) for name in ("data", "other", "budget", "seed")}
    print(write("density", rows, settings))


def measured(model: Model, other: str) -> list[dict[str, Any]]:
    """Scores, typicality and tests of both kinds of test rows."""
    own = some(reopened(model.saved.about["data"]).test, ROWS)
    others = model.examples(
        in_own_units(some(prepare_data(other, DataOptions(), 0).splits.test, ROWS))
    )
    scores = [model.score(part) for part in (own, others)]
    usual = [model.typicality(part) for part in (own, others)]
    is_other = np.repeat([0, 1], ROWS)
    found = []
    for name, part, score, p in zip(("own", other), (own, others), scores, usual, strict=True):
        row = {"rows": name, "score, nats": round(float(score.mean()), 1)}
        row |= {"p <= 0.01, %": round(100 * float((p <= 0.01).mean()), 2)}
        tests = goodness_of_fit(model, part).tests
        row |= {f"{test.name} p": float(f"{test.p_value:.3g}") for test in tests}
        row["AUROC of score"] = round(float(roc_auc_score(is_other, -np.concatenate(scores))), 4)
        row["AUROC of typicality"] = round(
            float(roc_auc_score(is_other, -np.concatenate(usual))), 4
        )
        found.append(row)
    return found


if __name__ == "__main__":
    main()
