"""Train the small classifiers in whose features samples are judged, and ship them.

    python benchmarks/train_features.py [digits mnist fashion_mnist]

The Frechet distance, precision, recall, density and coverage of `variata evaluate` are taken in the
features of these networks, which are trained on the training rows of each data set and kept in
`src/variata/tasks/features/`. Their test accuracy is printed and written down.
"""

from __future__ import annotations

import json
import sys

import torch
from common import RESULTS, table, write

from variata.metrics import train_features
from variata.tasks.samples import SHIPPED, all_x
from variata.tasks.source import DataOptions, prepare_data

EPOCHS = {"digits": 30, "mnist": 4, "fashion_mnist": 6}


def main() -> None:
    names = sys.argv[1:] or list(EPOCHS)
    rows = [train(name) for name in names]
    table(rows)
    rows += [row for row in earlier() if row["data"] not in names]
    print(write("features", rows, {"epochs": EPOCHS, "seed": 0}))


def earlier() -> list[dict[str, object]]:
    """What was written down when other networks were trained."""
    path = RESULTS / "features.json"
    return json.loads(path.read_text())["rows"] if path.exists() else []


def train(name: str) -> dict[str, object]:
    splits = prepare_data(name, DataOptions(), seed=0).splits
    order = torch.randperm(len(splits.train), generator=torch.Generator().manual_seed(0))
    x, labels = all_x(splits.train, len(splits.train)), splits.train.labels
    if labels is None:
        raise SystemExit(f"{name} has no labels to learn from.")
    features = train_features(x, labels[order], name=name, epochs=EPOCHS.get(name, 5))
    SHIPPED.mkdir(exist_ok=True)
    path = SHIPPED / f"{name}.safetensors"
    features.save(path)
    return {
        "data": name,
        "train rows": len(splits.train),
        "test accuracy": accuracy(features, splits.test),
        "bytes": path.stat().st_size,
    }


def accuracy(features: object, test: object) -> float:
    net = features.net  # type: ignore[attr-defined]
    order = torch.randperm(len(test), generator=torch.Generator().manual_seed(0))  # type: ignore[arg-type]
    x = all_x(test, len(test))  # type: ignore[arg-type]
    with torch.no_grad():
        guess = torch.cat([net(part).argmax(-1) for part in x.split(500)])
    return float((guess == test.labels[order]).float().mean())  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
