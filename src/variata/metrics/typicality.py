"""How usual a row's likelihood is among those of rows that are known to be usual."""

from __future__ import annotations

import torch
from torch import Tensor

from variata.metrics.rows import Values, as_rows


def typicality(scores: Values, reference: Values) -> Tensor:
    """Return two-sided p-values (N,) of scores among reference scores: small is unusual.

    2 min(P, Q), at most 1, where P is the share of the M reference scores, and the score itself,
    that are as low, and Q of those as high. If a score is exchangeable with the reference,
    P(p <= a) <= a for any a. A likelihood that is too high counts like one that is too low: simple
    images are "likely" under models of richer ones, but no draw of these is so likely.

    Args:
        scores: log-likelihoods of rows, (N,).
        reference: of rows of the data that the model has not learnt from, (M,).

    References:
        Detecting Out-of-Distribution Inputs to Deep Generative Models Using Typicality
        (Nalisnick et al., 2019), arXiv:1906.02994
        Conformal Anomaly Detection (Laxhammar, 2014)

    >>> typicality([2.0, 9.0], [1.0, 2.0, 3.0])
    tensor([1.0000, 0.5000], dtype=torch.float64)
    """
    each, known = as_rows(scores, "scores")[:, 0].contiguous(), as_rows(reference, "reference")
    order = known[:, 0].sort().values
    below = torch.searchsorted(order, each, right=True)
    above = len(order) - torch.searchsorted(order, each)
    fewer = torch.minimum(below, above).double()
    return (2 * (1 + fewer) / (len(order) + 1)).clamp_max(1.0)
