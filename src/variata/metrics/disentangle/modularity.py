"""Modularity: whether a code tells about one factor only."""

from __future__ import annotations

import numpy as np

from variata.metrics.disentangle.information import BINS, information_matrix
from variata.metrics.disentangle.table import Table
from variata.metrics.rows import Values


def modularity(codes: Values, factors: Values, bins: int = BINS) -> float:
    """Return the modularity of codes, 0 to 1; 1 where each tells about at most one factor.

    1 - sum_{f != best} I(z; v_f)² / (I(z; v_best)² (F - 1)), averaged over the codes that tell
    anything. Codes of no information are neither modular nor not, and are left out; where all
    are, it is 0. Chance information is not taken off: noise is modular when one factor has many
    more values than the others, so read it beside explicitness.

    Args:
        codes, factors: (N, L) and whole numbers (N, F).
        bins: of equal width that each code is put into.

    Raises:
        DataError: unusable rows, or fewer than two factors that vary.
        ShapeError, UsageError: rows that do not fit, too few bins.

    Reference:
        Learning Deep Disentangled Embeddings with the F-Statistic Loss (Ridgeway and Mozer, 2018),
        arXiv:1802.05312

    >>> factors = np.stack(np.unravel_index(np.arange(24), (4, 6)), axis=1)
    >>> round(modularity(factors, factors), 6)
    1.0
    """
    Table.of(codes, factors).require_factors(2, "modularity")
    return modularity_of(information_matrix(codes, factors, bins))


def modularity_of(information: np.ndarray) -> float:
    """Modularity from the mutual information of codes and factors, (L, F) with F > 1.

    >>> modularity_of(np.array([[2.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]))
    0.75
    """
    telling = information[information.max(1) > 0]
    if not len(telling):
        return 0.0
    share = (telling / telling.max(1, keepdims=True)) ** 2
    spill = (share.sum(1) - 1) / (information.shape[1] - 1)
    return float((1 - spill).mean())
