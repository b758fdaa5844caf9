"""What latents are worth to a classifier that sees few labels, beside raw values and PCA."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from variata.data import Examples
from variata.data.few_labels import keep_labels
from variata.data.labels import has_classes
from variata.errors import DataError, UsageError
from variata.metrics import PCABaseline, read_out
from variata.tasks.collect import Array
from variata.tasks.model import Model
from variata.tasks.show import some
from variata.tasks.slopes import effects
from variata.tasks.source import reopened

LABELS = (10, 100, 1_000)
DRAWS = 5
POOL, JUDGED = 20_000, 10_000  # rows that labels are drawn from, and measured on, at most
MOVES, FEWEST = 10_000, 8  # latents moved in all, around at least so many rows


@dataclass(frozen=True)
class Reading:
    """The accuracy of a classifier of some features, by as many labels.

    Attributes:
        features: "latents", "pca" or "raw".
        labels: how many rows with a label it learnt from.
        accuracies: on the same rows, one for each draw of the labels.
    """

    features: str
    labels: int
    accuracies: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Over the draws of labels."""
        return float(np.mean(self.accuracies))

    @property
    def sd(self) -> float:
        """The standard deviation over the draws of labels; 0 for one."""
        return float(np.std(self.accuracies, ddof=1)) if len(self.accuracies) > 1 else 0.0

    def as_dict(self) -> dict[str, Any]:
        """For a JSON report."""
        return {"features": self.features, "labels": self.labels, "mean": self.mean, "sd": self.sd}


@dataclass(frozen=True)
class Probe:
    """What `probe` has found.

    Attributes:
        readings: for each number of labels and each kind of features.
        size: of latents and of PCA.
        rows: that labels were drawn from, and that accuracies were measured on.
    """

    readings: tuple[Reading, ...]
    size: int
    rows: tuple[int, int]

    def of(self, features: str, labels: int) -> Reading:
        """One of the readings."""
        return next(r for r in self.readings if (r.features, r.labels) == (features, labels))


def probe(
    model: Model,
    data: Any = None,
    *,
    labels: Sequence[int] = LABELS,
    draws: int = DRAWS,
    seed: int = 0,
) -> Probe:
    """Train classifiers on latents, on PCA of the same size and on raw values, from few labels.

    Logistic regression, whose penalty is chosen by cross validation within the rows with a label.
    Latents count by what they do: each is multiplied by the root mean square change that it makes
    in what is decoded, so that they are in units of the data, as principal components are. All
    features are centred and divided by one number, so that a penalty means the same for each; PCA
    is fitted to all rows that labels are drawn from, as the model was.

    Args:
        data: rows with labels, half of which are measured on; None takes the run's own rows to
            learn from, and its test rows.
        labels: how many to learn from, as many of each class; more than there are is left out.
        draws: of the labels.
        seed: of the draws.

    Raises:
        DataError: there are no labels, or too few.
        UsageError: numbers that mean nothing.

    >>> from variata import fit
    >>> model = fit("digits", latent=2, hidden=(8,), epochs=1)
    >>> found = probe(model, labels=(20,), draws=1)
    >>> 0 <= found.of("latents", 20).mean <= 1, found.size
    (True, 2)
    """
    if draws < 1 or not labels or min(labels) < 1:
        raise UsageError("A probe needs numbers of labels and of draws of at least 1.")
    pool, judged = _parts(model, data, seed)
    sets = _features(model, pool, judged)
    targets = labels_of(judged)
    readings = []
    for count in (n for n in labels if n <= len(pool)):
        kept = [_kept(pool, count, seed + i) for i in range(draws)]
        for name, (known, unknown) in sets.items():
            right = tuple(read_out(known[r], y, unknown, targets, seed).mean for r, y in kept)
            readings.append(Reading(name, count, right))
    if not readings:
        raise DataError(
            f"There are {len(pool)} rows with labels, fewer than {min(labels)} (--labels)."
        )
    return Probe(tuple(readings), model.latent, (len(pool), len(judged)))


def with_labels(examples: Examples) -> Examples:
    """The rows whose label is known.

    Raises:
        DataError: there are none of two classes.
    """
    labels = examples.labels
    if labels is None or not has_classes(labels):
        raise DataError(
            "This needs rows with labels of two classes or more: name their column with --label "
            "when training, or use data with labels."
        )
    return examples.subset((labels >= 0).nonzero()[:, 0].cpu())


def _parts(model: Model, data: Any, seed: int) -> tuple[Examples, Examples]:
    """Rows to draw labels from, and rows to measure on."""
    if data is None:
        splits = reopened(model.saved.about.get("data", {}))
        pool, judged = with_labels(splits.train), with_labels(splits.test)
    else:
        rows = with_labels(model.examples(data))
        order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))
        pool, judged = (rows.subset(part.sort().values) for part in order.chunk(2))
    return some(pool, POOL), some(judged, JUDGED)


def _features(model: Model, pool: Examples, judged: Examples) -> dict[str, tuple[Array, Array]]:
    raw = [_raw(part) for part in (pool, judged)]
    pca = PCABaseline(model.latent).fit(raw[0])
    latents = [model.encode(part) for part in (pool, judged)]
    weights = weights_of(model, pool, latents[0])
    sets = {
        "latents": [z * weights for z in latents],
        "pca": [pca.codes(values).numpy() for values in raw],
        "raw": raw,
    }
    return {name: scaled(*parts) for name, parts in sets.items()}


def weights_of(model: Model, pool: Examples, latents: Array) -> Array:
    """What each latent (N, L) of rows does to what is decoded, (L,); 1 where none does anything."""
    spread = torch.from_numpy(latents.std(0).clip(1e-6))
    rows = max(FEWEST, MOVES // len(spread))
    found = effects(model, some(pool, rows), spread).numpy()
    return found if np.isfinite(found).all() and found.any() else np.ones_like(found)


def _raw(examples: Examples) -> Array:
    return examples.all().x.flatten(1).numpy()


def scaled(known: Array, others: Array) -> tuple[Array, Array]:
    """Features (N, D) and (M, D), centred and divided by one number, both by the first."""
    mean = known.mean(0)
    scale = float(np.sqrt(known.var(0).mean())) or 1.0
    return (known - mean) / scale, (others - mean) / scale


def _kept(pool: Examples, count: int, seed: int) -> tuple[Array, Array]:
    """Rows that keep their label, and these labels."""
    labels = labels_of(keep_labels(pool, count, seed))
    rows = np.flatnonzero(labels >= 0)
    return rows, labels[rows]


def labels_of(examples: Examples) -> Array:
    """Classes (N,) of rows that have some."""
    return np.asarray(examples.labels.cpu())  # type: ignore[union-attr]
