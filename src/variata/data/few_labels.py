"""Labels hidden, or shown more often: the protocol of learning from few of them."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from variata.data.examples import Examples
from variata.errors import DataError

UNKNOWN = -1


def keep_labels(examples: Examples, count: int, seed: int) -> Examples:
    """The same rows, of which only `count` keep their label: as many of each class as can be.

    Which rows is drawn by the seed. Where the count cannot be divided evenly, the first classes
    have one more; where a class has too few rows, it keeps all of them.

    Raises:
        DataError: there are no labels, or fewer than one for each class is to be kept.

    >>> import numpy as np
    >>> from variata.data.infer import infer_schema
    >>> rows = np.random.default_rng(0).normal(size=(9, 2))
    >>> examples = Examples.of(rows, infer_schema(rows), [0, 0, 0, 0, 0, 1, 1, 1, -1])
    >>> kept = keep_labels(examples, 4, seed=0).labels
    >>> sorted(kept[kept >= 0].tolist())
    [0, 0, 1, 1]
    """
    labels = examples.labels
    if labels is None or not bool((labels >= 0).any()):
        raise DataError("No label can be kept (--labels), since the data has none.")
    classes = [int(c) for c in labels[labels >= 0].unique()]
    if count < len(classes):
        raise DataError(
            f"{count} labels are too few for {len(classes)} classes (--labels): keep at least one "
            "of each."
        )
    generator = torch.Generator().manual_seed(seed)
    kept = torch.full_like(labels, UNKNOWN)
    for place, label in enumerate(classes):
        rows = (labels == label).nonzero()[:, 0]
        share = count // len(classes) + (place < count % len(classes))
        kept[rows[torch.randperm(len(rows), generator=generator)[:share]]] = label
    return replace(examples, labels=kept)


def without_labels(examples: Examples) -> Examples:
    """The same rows, without any label."""
    if examples.labels is None:
        return examples
    return replace(examples, labels=torch.full_like(examples.labels, UNKNOWN))


def labels_shown(examples: Examples, share: float) -> Examples:
    """The same rows, of which those with a label come again until they are so large a share.

    Rows without a label come once.

    Raises:
        DataError: there is no label.
    """
    labels = examples.labels
    if labels is None or not bool((labels >= 0).any()):
        raise DataError(
            "This recipe learns from labels, and no row to learn from has one: name their column "
            "with --label, or use data with labels."
        )
    known = (labels >= 0).nonzero()[:, 0]
    rest = (labels < 0).nonzero()[:, 0]
    times = max(1, round(share / (1 - share) * len(rest) / len(known)))
    return examples if times == 1 else examples.subset(_both(rest, known, times))


def _both(rest: Tensor, known: Tensor, times: int) -> Tensor:
    return torch.cat([rest, known.repeat(times)]).sort().values
