"""What a linear classifier reads out of features."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from variata.metrics.estimate import Estimate

Array = NDArray[Any]
STRENGTHS = tuple(10.0**power for power in range(-3, 3))  # C, the inverse of the penalty
FOLDS = 5


def read_out(x: Array, y: Array, others: Array, targets: Array, seed: int = 0) -> Estimate:
    """Return the share of other rows that a logistic regression of rows x (N, D) gets right.

    Its penalty is the one with the highest likelihood in cross validation within x; where a class
    has one row there is none, and C is 1.

    Args:
        x, y: features (N, D) and classes (N,) to learn from.
        others, targets: features (M, D) and classes (M,) to measure on.
        seed: of the folds.

    Reference:
        Understanding Intermediate Layers Using Linear Classifier Probes (Alain and Bengio, 2016),
        arXiv:1610.01644

    >>> x = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    >>> read_out(x, np.array([0, 0, 1, 1]), x, np.array([0, 0, 1, 0])).mean
    0.75
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedKFold

    folds = min(FOLDS, int(np.unique(y, return_counts=True)[1].min()))
    plain = LogisticRegression(max_iter=300)
    if folds == 1:
        search: Any = plain
    else:
        parts = StratifiedKFold(folds, shuffle=True, random_state=seed)
        search = GridSearchCV(plain, {"C": STRENGTHS}, cv=parts, scoring="neg_log_loss")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        right = search.fit(x, y).predict(others) == targets
    return Estimate.of(torch.from_numpy(right).double())
