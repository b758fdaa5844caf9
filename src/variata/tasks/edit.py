"""Attribute arithmetic: what labelled rows have in common, as a shift of the latents of others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from variata.data import Examples
from variata.errors import DataError, UsageError, did_you_mean
from variata.tasks.collect import Array
from variata.tasks.model import Model
from variata.tasks.show import some

ROWS = 10_000  # that means are taken over, at most


def attribute_shift(model: Model, groups: Any, add: Mapping[str, float]) -> Array:
    """What to add to latents, (latent,), so that rows gain or lose attributes.

    sum_a amount_a (mean z of the rows with a - mean z of those without), over posterior means. Rows
    whose label is unknown count for neither side.

    Args:
        model: whose latents they are.
        groups: rows with labels.
        add: amount by the name of a class: 1 moves by the whole difference, -1 back.

    Raises:
        DataError: the rows have no labels, or all or none of them are of a class.
        UsageError: for a class that the model's data does not have.

    Reference:
        Autoencoding beyond Pixels Using a Learned Similarity Metric (Larsen et al., 2016),
        arXiv:1512.09300

    >>> from variata import fit
    >>> model = fit("digits", latent=2, hidden=(8,), epochs=1)
    >>> there, back = (attribute_shift(model, "digits", {"7": amount}) for amount in (1, -1))
    >>> bool((there == -back).all())
    True
    """
    rows, labels = _labelled(model, groups)
    names = model.schema.label_names or tuple(map(str, range(labels.max() + 1)))
    z, shift = model.encode(rows), np.zeros(model.latent)
    for name, amount in add.items():
        if name not in names:
            known = ", ".join(names)
            raise UsageError(
                f"There is no class '{name}'.{did_you_mean(name, names)} Known: {known}."
            )
        shift += amount * _difference(z, labels == names.index(name), name)
    return shift.astype(z.dtype)


def _labelled(model: Model, groups: Any) -> tuple[Examples, Array]:
    """Those rows whose label is known, and their labels (N,)."""
    rows = some(model.examples(groups), ROWS)
    known = None if rows.labels is None else (rows.labels >= 0).nonzero()[:, 0]
    if known is None or not len(known):
        raise DataError(
            "Attributes are told from rows with labels, and these have none: name their column "
            "with --label when training, or give rows that have some (--groups)."
        )
    rows = rows.subset(known)
    return rows, np.asarray(rows.labels.cpu())  # type: ignore[union-attr]


def _difference(z: Array, having: Array, name: str) -> Array:
    """The mean of the latents (N, latent) that have an attribute, less that of the others."""
    if having.all() or not having.any():
        which = "All" if having.all() else "None"
        raise DataError(f"{which} of the labelled rows are '{name}': there is no difference.")
    return z[having].mean(0, dtype=float) - z[~having].mean(0, dtype=float)
