"""More rows for a classifier: a labelled set enlarged by a model that knows what rows are like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from variata.data import Examples
from variata.data.schema import BOUNDED
from variata.errors import UsageError
from variata.metrics import Estimate
from variata.tasks.class_names import class_names
from variata.tasks.collect import Array
from variata.tasks.conditions import LABEL
from variata.tasks.model import Model
from variata.tasks.probe import with_labels
from variata.tasks.show import in_own_units, some

NEIGHBOURS = 5
JUDGED = 5_000  # rows that a classifier is trained and measured on, at most
TREES = 100


@dataclass(frozen=True)
class Enlarged:
    """Labelled rows, and those made of them.

    Attributes:
        x: in own units, (N + M, *own), the rows that were there first.
        y: positions in `names`, (N + M,).
        made: how many rows were made, M.
        names: of the classes.
        how: "conditional samples", or "neighbours in latent space".
    """

    x: Array
    y: Array
    made: int
    names: tuple[str, ...]
    how: str


def enlarged(model: Model, rows: Examples, count: int | None = None, seed: int = 0) -> Enlarged:
    """Labelled rows with as many new ones, whose classes are as frequent.

    A model that is conditioned on the label makes them of the class. Any other decodes latents
    between a row and one of its five nearest neighbours of the same class: SMOTE (Chawla et al.,
    2002, arXiv:1106.1813) in the latents, where what lies between two rows is a row.

    Args:
        rows: whose labels are known for some, which alone are used.
        count: of new rows; None for as many as there are.
        seed: of what is drawn.

    Raises:
        DataError: there are no labels of two classes.
        UsageError: the model is conditioned on something else.

    >>> from variata import fit
    >>> model = fit("digits", latent=2, hidden=(8,), epochs=1)
    >>> found = enlarged(model, model.examples("digits"), count=100)
    >>> found.x.shape, found.made
    ((1897, 8, 8), 100)
    """
    known = with_labels(rows)
    y = np.asarray(known.labels.cpu())  # type: ignore[union-attr]
    names = class_names(model, int(y.max()) + 1)
    random = np.random.default_rng(seed)
    like = random.choice(len(y), len(y) if count is None else count)
    conditioned = _by_condition(model)
    if conditioned:
        told = [names[label] for label in y[like]]
        shown = model.sample(len(like), condition=told, seed=seed, mean=_smooth(model))
    else:
        z = between_neighbours(model.encode(known), y, like, random)
        shown = model.decode(z, seed=None if _smooth(model) else seed)
    how = "conditional samples" if conditioned else "neighbours in latent space"
    both = np.concatenate([in_own_units(known), _snapped(model, shown)])
    return Enlarged(both, np.concatenate([y, y[like]]), len(like), names, how)


def between_neighbours(z: Array, y: Array, like: Array, random: np.random.Generator) -> Array:
    """Latents on the way from the rows `like` to a near one of their class, (M, L).

    Args:
        z, y: of all rows, (N, L) and (N,).
        like: rows to start from, (M,).
    """
    made = np.empty((len(like), z.shape[1]), z.dtype)
    for label in np.unique(y[like]):
        rows, places = np.flatnonzero(y == label), np.flatnonzero(y[like] == label)
        start = z[like[places]]
        nearest = _nearest(start, z[rows])
        chosen = random.integers(0, nearest.shape[1], len(places))
        end = z[rows[nearest[np.arange(len(places)), chosen]]]
        made[places] = start + random.random((len(places), 1)) * (end - start)
    return made


def gain(found: Enlarged, test: Examples, seeds: Sequence[int] = range(5)) -> dict[str, Estimate]:
    """The accuracy of a random forest on other rows, learnt without the new rows and with them.

    Args:
        test: rows with labels, of which at most 5,000 are used, as of those to learn from.
        seeds: of the forests, whose accuracies are averaged.
    """
    from sklearn.ensemble import RandomForestClassifier

    judged = some(with_labels(test), JUDGED)
    x, y = _flat(in_own_units(judged)), np.asarray(judged.labels.cpu())  # type: ignore[union-attr]
    old = len(found.y) - found.made
    few = min(1.0, JUDGED / old)
    order = np.random.default_rng(0).permutation(old)[: round(few * old)]
    new = old + np.arange(round(few * found.made))
    accuracies: dict[str, list[float]] = {"without": [], "with": []}
    for name, rows in (("without", order), ("with", np.concatenate([order, new]))):
        for seed in seeds:
            forest = RandomForestClassifier(TREES, random_state=seed)
            forest.fit(_flat(found.x[rows]), found.y[rows])
            accuracies[name].append(float(forest.score(x, y)))
    return {name: Estimate.of(torch.tensor(each)) for name, each in accuracies.items()}


def _by_condition(model: Model) -> bool:
    if model.condition is None or model.assumed is not None:
        return False
    if model.condition.names == (LABEL,):
        return True
    raise UsageError(
        f"This model is conditioned on {model.condition.describe()}, not on the label alone: train "
        "with --condition label, or without a condition."
    )


def _smooth(model: Model) -> bool:
    """Whether means are shown: the noise of pixels is none that a classifier should see."""
    return model.schema.layout == "image"


def _nearest(z: Array, among: Array) -> Array:
    """Positions of the nearest rows, (M, 5 or fewer); a row's own comes first, and is none."""
    from sklearn.neighbors import NearestNeighbors

    most = min(NEIGHBOURS + 1, len(among))
    found = NearestNeighbors(n_neighbors=most).fit(among).kneighbors(z, return_distance=False)
    return found[:, 1:] if most > 1 else found


def _snapped(model: Model, shown: Array) -> Array:
    """Values that the data can have."""
    schema = model.schema
    if schema.kind in BOUNDED:
        return schema.decode(schema.loosened().encode(shown), round=True)
    return np.rint(shown).astype(schema.dtype) if schema.kind == "count" else shown


def _flat(x: Array) -> Array:
    return x.reshape(len(x), -1)
