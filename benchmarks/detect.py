"""Anomaly detection on the tables of ADBench, beside PyOD, and what explanations name.

    python benchmarks/detect.py [--what semi unsupervised faults images] [--seeds 0 1 2] [--most N]
                                [--tables NAME ...] [--here] [--take FILE ...]

Tables: the classical ones in $VARIATA_DATA/adbench, at most 10,000 rows of each (drawn by the
seed), standardised by the rows to fit to, for every method. One default for all of them.

- semi: detectors learn from half of the normal rows and are measured on all others (AUROC).
- unsupervised: detectors learn from all rows, and are measured by what they say of these.
- faults: single columns of normal rows are moved by six median absolute deviations, one at a time;
  how often the explanation names that column first.
- images: a model of Fashion-MNIST, by its test images against those of MNIST.

How parts are weighed was decided on every third table, by name (`CHOSEN_BY`); the others are
reported apart too. What was measured is kept, so that it goes on where it ended; shares of the
tables can be measured side by side in copies of the repository, whose results are then taken
together.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from common import table, trained
from peer import TORCH, Peer
from runs import EnoughError, Runs
from sklearn.metrics import roc_auc_score

from variata import Detector

TABLES = sorted((Path(os.environ.get("VARIATA_DATA", ".")) / "adbench").glob("*.npz"))
CHOSEN_BY = TABLES[::3]
MOST_ROWS = 10_000
FAULTS, SIZE = 200, 6.0
PYOD = Peer("pyod_detect", needs=(TORCH, "pyod==3.6.7", "tqdm"), tasks=("detect",))
PEERS = {"semi": ("knn", "iforest", "vae"), "unsupervised": ("knn", "iforest")}
Arrays = dict[str, np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--what", nargs="+", default=list(MEASURES), choices=MEASURES)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--most", type=int, help="new measurements to make at most")
    parser.add_argument("--tables", nargs="+", help="only these", default=[p.stem for p in TABLES])
    parser.add_argument("--here", action="store_true", help="PyOD is in this environment")
    parser.add_argument("--take", nargs="+", type=Path, default=[], help="results of copies")
    options = parser.parse_args()
    runs, seeds = Runs("detect", options.most), options.seeds
    runs.take(options.take)
    tables = [path for path in TABLES if path.stem in options.tables]
    try:
        for what in options.what:
            MEASURES[what](runs, seeds, tables, options.here)
    except EnoughError:
        pass
    rows = [row for what in MEASURES for row in summary(runs.kept, what)]
    table(rows)
    print(runs.write(rows, {"tables": [p.stem for p in TABLES]}))


def compared(
    what: str, runs: Runs, seeds: Sequence[int], tables: Sequence[Path], here: bool
) -> None:
    """All methods on all tables, for one seed after the other."""
    for seed in seeds:
        for path in tables:
            which: dict[str, Any] = {"what": what, "table": path.stem, "seed": seed}
            runs.get(partial(ours, path, seed, what), method="variata", **which)
            for name in PEERS[what]:
                peer = partial(beside, name, path, seed, what, here)
                runs.get(peer, ages=False, method=name, **which)


def faults(runs: Runs, seeds: Sequence[int], tables: Sequence[Path], here: bool) -> None:
    for seed in seeds:
        for path in tables:
            which = {"what": "faults", "table": path.stem, "seed": seed, "method": "variata"}
            runs.get(partial(named_first, path, seed), **which)


def images(runs: Runs, seeds: Sequence[int], tables: Sequence[Path], here: bool) -> None:
    for seed in seeds:
        runs.get(partial(other_images, seed), what="images", table="fashion_mnist", seed=seed)


def split(path: Path, seed: int, what: str) -> Arrays:
    """Rows to fit to (train), rows to measure on (test) and which of these are anomalies (y)."""
    random = np.random.default_rng(seed)
    with np.load(path) as arrays:
        x, y = arrays["X"].astype(float), arrays["y"].ravel().astype(int)
    some = random.permutation(len(x))[:MOST_ROWS]
    x, y = x[some], y[some]
    train = test = np.arange(len(x))
    if what != "unsupervised":
        normal = random.permutation(np.flatnonzero(y == 0))
        half = len(normal) // 2
        train, test = normal[:half], np.r_[normal[half:], np.flatnonzero(y)]
    spread = x[train].std(0)
    x = (x - x[train].mean(0)) / np.where(spread > 0, spread, 1)
    return {"train": x[train], "test": x[test], "y": y[test]}


def ours(path: Path, seed: int, what: str) -> dict[str, Any]:
    """The AUROC of scores and of their parts, and how far two calls differ."""
    data = split(path, seed, what)
    began = time.monotonic()
    detector = Detector(random_state=seed, device="cpu").fit(data["train"])
    seconds = time.monotonic() - began
    if what == "unsupervised":
        return {"auroc": roc_auc_score(data["y"], detector.decision_scores_)} | {
            "seconds": round(seconds, 2)
        }
    scores = detector.decision_function(data["test"])
    moved = float(np.abs(scores - detector.decision_function(data["test"])).max())
    parts = detector.parts(data["test"])
    each = {name: roc_auc_score(data["y"], value) for name, value in parts.items()}
    value = roc_auc_score(data["y"], scores)
    return {"auroc": value, "parts": each, "seconds": round(seconds, 2), "moved": moved}


def beside(name: str, path: Path, seed: int, what: str, here: bool) -> dict[str, Any]:
    """The same of a detector of PyOD."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "table.npz"
        data = split(path, seed, what)
        np.savez(file, train=data["train"], test=data["test"], y=data["y"])
        own = ("--own",) if what == "unsupervised" else ()
        return PYOD.run(file, name, str(seed), *own, here=here, threads=1)


def named_first(path: Path, seed: int) -> dict[str, Any]:
    """How often the column that was moved is named first."""
    data, random = split(path, seed, "semi"), np.random.default_rng(seed)
    detector = Detector(random_state=seed, device="cpu").fit(data["train"])
    middle = np.median(data["train"], 0)
    deviation = np.median(np.abs(data["train"] - middle), 0)
    varying = np.flatnonzero(deviation > 0)
    normal = data["test"][data["y"] == 0]
    rows = normal[random.integers(len(normal), size=FAULTS)].copy()
    column = random.choice(varying, FAULTS)
    sign = random.choice([-1.0, 1.0], FAULTS)
    rows[np.arange(FAULTS), column] += SIZE * sign * deviation[column]
    first = detector.explain(rows).nats.argmax(1)
    return {"named": float((first == column).mean()), "columns": len(varying), "faults": FAULTS}


def other_images(seed: int) -> dict[str, Any]:
    """The AUROC of MNIST's test images among Fashion-MNIST's, by a run's own scores."""
    from variata import load
    from variata.data import open_source
    from variata.tasks.detection.run import detector_of

    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder) / "run")
        trained(out, "fashion_mnist", "vae", "3m", seed)
        detector = detector_of(load(out))
        sources: list[Any] = [open_source(name) for name in ("fashion_mnist", "mnist")]
        both = np.concatenate([s.values[np.asarray(s.published[2])] for s in sources])
        y = np.repeat([0, 1], 10_000)
        each = {name: roc_auc_score(y, value) for name, value in detector.parts(both).items()}
        return {"auroc": roc_auc_score(y, detector.decision_function(both)), "parts": each}


def summary(kept: Sequence[dict[str, Any]], what: str) -> list[dict[str, Any]]:
    """Means over tables and seeds, in percent: of every method, and of the parts of ours."""
    latest = {
        (run["table"], run["seed"], run.get("method")): run for run in kept if run["what"] == what
    }
    found = latest.values()
    figures: dict[str, list[tuple[str, float]]] = {}
    for run in found:
        method = run.get("method", "variata")
        value = run["named"] if what == "faults" else run["auroc"]
        figures.setdefault(method, []).append((run["table"], value))
        for name, part in run.get("parts", {}).items():
            figures.setdefault(f"part: {name}", []).append((run["table"], part))
    chosen = {path.stem for path in CHOSEN_BY}
    rows = []
    for name, pairs in figures.items():
        others = [value for table, value in pairs if table not in chosen]
        row = {"what": what, "method": name, "measured": len(pairs)}
        row["all, %"] = round(100 * float(np.mean([value for _, value in pairs])), 2)
        rows.append(row | {"others, %": round(100 * float(np.mean(others)), 2) if others else None})
    return rows


MEASURES: dict[str, Callable[[Runs, Sequence[int], Sequence[Path], bool], None]] = {
    "semi": partial(compared, "semi"),
    "unsupervised": partial(compared, "unsupervised"),
    "faults": faults,
    "images": images,
}


if __name__ == "__main__":
    main()
