"""Explicitness: whether factors can be read from the codes by linear functions."""

from __future__ import annotations

import numpy as np

from variata.errors import DataError
from variata.metrics.disentangle.table import Table
from variata.metrics.rows import Values


def explicitness(codes: Values, factors: Values, seed: int = 0) -> float:
    """Return how well logistic regression tells each value of each factor from the others.

    2 AUC - 1 of a one-versus-rest logistic regression from all codes, on a fifth of the rows that
    it did not learn from; averaged over the values of a factor, then over the factors. AUC is the
    area under the ROC curve, which published code averages as it is, with chance at 1/2: a figure
    from there is to be doubled, less 1, before it stands beside one from here. 0 is chance, 1 is
    perfect; less than 0 can only come about by chance. Linear in the code: a middle value of an
    ordered factor is told badly from both its sides at once.

    Args:
        codes, factors: (N, L) and whole numbers (N, F).
        seed: of the rows kept for measuring.

    Raises:
        DataError: unusable rows, or a factor none of whose values is among both kinds of rows.
        ShapeError: not as many codes as factors.

    Reference:
        Learning Deep Disentangled Embeddings with the F-Statistic Loss (Ridgeway and Mozer, 2018),
        arXiv:1802.05312

    >>> factor = np.arange(200) % 2
    >>> explicitness(factor[:, None] * 3.0, factor)
    1.0
    """
    table = Table.of(codes, factors)
    known, kept = table.divided(seed)
    each = [
        _of_factor(table.codes, values, known, kept, name)
        for values, name in zip(table.factors.T, table.names, strict=True)
    ]
    return float(np.mean(each))


def _of_factor(
    codes: np.ndarray, values: np.ndarray, known: np.ndarray, kept: np.ndarray, name: str
) -> float:
    areas = []
    for value in range(int(values.max()) + 1):
        is_value = values == value
        if all(0 < is_value[rows].sum() < len(rows) for rows in (known, kept)):
            areas.append(_area(codes, is_value, known, kept))
    if not areas:
        raise DataError(
            f"There are too few rows to learn the values of '{name}' from some of them and to "
            "measure on others: give more."
        )
    return float(2 * np.mean(areas) - 1)


def _area(codes: np.ndarray, is_value: np.ndarray, known: np.ndarray, kept: np.ndarray) -> float:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    model = LogisticRegression(solver="newton-cholesky")
    model.fit(codes[known], is_value[known])
    return float(roc_auc_score(is_value[kept], model.decision_function(codes[kept])))
