"""The mutual information gap."""

from __future__ import annotations

import numpy as np

from variata.metrics.disentangle.information import BINS, entropies, information_matrix
from variata.metrics.disentangle.table import Table
from variata.metrics.rows import Values


def mig(codes: Values, factors: Values, bins: int = BINS) -> float:
    """Return the mutual information gap: the mean of `information_gaps`, 0 to 1.

    Args:
        codes, factors: (N, L) and whole numbers (N, F).
        bins: of equal width that each code is put into.

    Raises:
        DataError, ShapeError, UsageError: unusable rows, too few bins.

    Reference:
        Isolating Sources of Disentanglement in Variational Autoencoders (Chen et al., 2018),
        arXiv:1802.04942

    >>> factors = np.stack(np.unravel_index(np.arange(24), (4, 6)), axis=1)
    >>> round(mig(factors[:, ::-1] * [-1.0, 5.0], factors), 6)
    1.0
    """
    return float(information_gaps(codes, factors, bins).mean())


def information_gaps(codes: Values, factors: Values, bins: int = BINS) -> np.ndarray:
    """Return (I(z_a; v) - I(z_b; v)) / H(v) for every factor v that varies, (F,).

    z_a and z_b are the codes that tell most and second most about v. A single code has no second:
    its gap is that to zero. Arguments and errors as in `mig`.
    """
    information = information_matrix(codes, factors, bins)
    return top_gap(information, np.zeros(information.shape[1])) / entropies(
        Table.of(codes, factors).factors
    )


def top_gap(scores: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """The best score of (L, F) minus the second best, or the floor (F,) where that is higher, (F,).

    >>> top_gap(np.array([[3.0, 1.0], [1.0, 1.5], [0.0, 0.0]]), np.zeros(2))
    array([2. , 0.5])
    """
    ranked = np.sort(np.vstack([np.maximum(scores, floor), floor]), axis=0)
    return ranked[-1] - ranked[-2]
