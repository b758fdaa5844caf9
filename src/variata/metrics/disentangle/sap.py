"""The separated attribute predictability score."""

from __future__ import annotations

from typing import Literal

import numpy as np

from variata.metrics.disentangle.mig import top_gap
from variata.metrics.disentangle.table import Table
from variata.metrics.rows import Values

Score = Literal["accuracy", "r2"]


def sap(codes: Values, factors: Values, score: Score = "accuracy", seed: int = 0) -> float:
    """Return how much better the best code predicts a factor than the second best, 0 to 1.

    The mean over the factors. With "accuracy", a factor of C values is predicted from one code by
    C - 1 thresholds (a tree with C leaves and weights that balance the values), and the score is
    the balanced accuracy on a fifth of the rows that it did not learn from. With "r2", which is
    for factors whose values are quantities, it is the squared correlation. A second best
    code below chance, and the second of a single code, count as a constant code: 1 / C, or 0.

    Args:
        codes, factors: (N, L) and whole numbers (N, F).
        score: what a code's prediction of a factor is judged by.
        seed: of the rows kept for measuring.

    Raises:
        DataError, ShapeError: unusable rows.

    Reference:
        Variational Inference of Disentangled Latent Concepts from Unlabeled Observations
        (Kumar et al., 2017), arXiv:1711.00848

    >>> factors = np.stack(np.unravel_index(np.arange(60) % 6, (2, 3)), axis=1)
    >>> round(sap(factors, factors, "r2"), 6)
    1.0
    """
    table = Table.of(codes, factors)
    if score == "r2":
        scores, floor = _squared_correlations(table), np.zeros(len(table.names))
    else:
        scores, floor = _accuracies(table, seed), 1 / (table.factors.max(0) + 1)
    return float(top_gap(scores, floor).mean())


def balanced_accuracy(truth: np.ndarray, guess: np.ndarray) -> float:
    """Return the mean over the values in `truth` of the share of their rows guessed right.

    >>> balanced_accuracy(np.array([0, 0, 0, 2]), np.array([0, 0, 0, 0]))
    0.5
    """
    count, right = np.bincount(truth), np.bincount(truth, truth == guess)
    return float((right[count > 0] / count[count > 0]).mean())


def _squared_correlations(table: Table) -> np.ndarray:
    y = table.factors - table.factors.mean(0)
    return (table.codes.T @ (y / y.std(0)) / len(y)) ** 2


def _accuracies(table: Table, seed: int) -> np.ndarray:
    known, kept = table.divided(seed)
    return np.asarray(
        [
            [_accuracy(code[:, None], values, known, kept) for values in table.factors.T]
            for code in table.codes.T
        ]
    )


def _accuracy(code: np.ndarray, values: np.ndarray, known: np.ndarray, kept: np.ndarray) -> float:
    from sklearn.tree import DecisionTreeClassifier

    leaves = int(values.max()) + 1
    tree = DecisionTreeClassifier(max_leaf_nodes=leaves, class_weight="balanced", random_state=0)
    tree.fit(code[known], values[known])
    return balanced_accuracy(values[kept], tree.predict(code[kept]))
