"""Mutual information between codes, put into bins, and factors."""

from __future__ import annotations

import numpy as np

from variata.errors import UsageError
from variata.metrics.disentangle.table import Table
from variata.metrics.rows import Values

BINS = 20


def information_matrix(codes: Values, factors: Values, bins: int = BINS) -> np.ndarray:
    """Return the mutual information of every code and every factor that varies, (L, F), in nats.

    Codes are put into bins of equal width between their extremes, as Locatello et al. do
    (Challenging Common Assumptions in the Unsupervised Learning of Disentangled Representations,
    2019, arXiv:1811.12359; they use 20). It is the information of the empirical frequencies,
    which for independent code and factor exceeds 0 by about (bins - 1)(values - 1) / 2N.

    Args:
        codes, factors: (N, L) and whole numbers (N, F).
        bins: into which each code is put.

    Raises:
        DataError, ShapeError: unusable rows (see `Table.of`).
        UsageError: fewer than 2 bins.

    >>> code = np.tile([0.0, 1.0], 10)[:, None]
    >>> information_matrix(code, code.astype(int)).round(4)  # log 2
    array([[0.6931]])
    """
    table = Table.of(codes, factors)
    placed = binned(table.codes, bins)
    pairs = [[_information(z, y) for y in table.factors.T] for z in placed.T]
    return np.asarray(pairs)


def entropies(factors: np.ndarray) -> np.ndarray:
    """Return the entropy of every column of whole numbers (N, F), in nats, (F,).

    >>> entropies(np.array([[0, 7], [-1, 7]])).round(4)
    array([0.6931, 0.    ])
    """
    return np.asarray([_entropy(np.unique(column, return_counts=True)[1]) for column in factors.T])


def binned(codes: np.ndarray, bins: int = BINS) -> np.ndarray:
    """Return the number of the bin of equal width that each code lies in, (N, L) int64.

    >>> binned(np.array([[0.0], [0.4], [1.0]]), 2)[:, 0]
    array([0, 0, 1])
    """
    if bins < 2:
        raise UsageError(f"Codes need at least 2 bins, got {bins}.")
    low, width = codes.min(0), np.ptp(codes, axis=0)
    share = (codes - low) / np.where(width > 0, width, 1)
    return np.minimum((share * bins).astype(np.int64), bins - 1)


def _information(a: np.ndarray, b: np.ndarray) -> float:
    joint = np.bincount(a * (int(b.max()) + 1) + b)
    both = _entropy(np.bincount(a)) + _entropy(np.bincount(b))
    found = both - _entropy(joint)
    return found if found > 1e-12 * both else 0.0


def _entropy(counts: np.ndarray) -> float:
    share = counts[counts > 0] / counts.sum()
    return float(0.0 - (share * np.log(share)).sum())
