"""How well clusters agree with known classes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from variata.errors import DataError


@dataclass(frozen=True)
class Agreement:
    """Of clusters with classes; 1 is perfect for each.

    Attributes:
        accuracy: share of rows in the cluster that stands for their class, under the best matching
            of clusters and classes one to one (Hungarian algorithm).
        nmi: normalised mutual information, by the arithmetic mean of the two entropies.
        ari: Rand index, adjusted for chance: 0 for random clusters.
    """

    accuracy: float
    nmi: float
    ari: float

    def as_dict(self) -> dict[str, float]:
        """The figures by name."""
        return asdict(self)


def cluster_agreement(clusters: Any, classes: Any) -> Agreement:
    """How well clusters (N,) agree with classes (N,); rows of a class below 0 are left out.

    Raises:
        DataError: no row has a class, or the two differ in length.

    >>> cluster_agreement([1, 1, 0, 0, 0], [0, 0, 1, 1, -1])
    Agreement(accuracy=1.0, nmi=1.0, ari=1.0)
    """
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    found, known = np.asarray(clusters), np.asarray(classes)
    if found.shape != known.shape or found.ndim != 1:
        raise DataError(f"Expected a class for each row, got {known.shape} for {found.shape}.")
    found, known = found[known >= 0], known[known >= 0]
    if not len(known):
        raise DataError("Clusters can be compared with classes only where rows have one.")
    nmi = float(normalized_mutual_info_score(known, found))
    return Agreement(matched_accuracy(found, known), nmi, float(adjusted_rand_score(known, found)))


def matched_accuracy(clusters: np.ndarray, classes: np.ndarray) -> float:
    """Accuracy under the best matching of clusters and classes, one to one.

    >>> matched_accuracy(np.array([0, 0, 1, 2]), np.array([5, 5, 5, 3]))
    0.75
    """
    from scipy.optimize import linear_sum_assignment

    rows, found = np.unique(clusters, return_inverse=True)
    columns, known = np.unique(classes, return_inverse=True)
    counts = np.zeros((len(rows), len(columns)), dtype=np.int64)
    np.add.at(counts, (found, known), 1)
    return float(counts[linear_sum_assignment(-counts)].sum() / len(clusters))
