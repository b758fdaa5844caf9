"""Tests of whether two samples come from one distribution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from variata.metrics.distances import squared_distances
from variata.metrics.rows import Values, as_rows, check_same_width
from variata.objectives.kernels import inverse_multiquadric

PERMUTATIONS = 500
TREES = 200


@dataclass(frozen=True)
class Verdict:
    """What a test says of the hypothesis that both samples come from one distribution.

    Attributes:
        name: of the test.
        statistic: which grows with the difference.
        p_value: the chance of so large a statistic under the hypothesis.
    """

    name: str
    statistic: float
    p_value: float

    def as_dict(self) -> dict[str, Any]:
        """For a JSON report."""
        return {"name": self.name, "statistic": self.statistic, "p_value": self.p_value}


def mmd_test(a: Values, b: Values, permutations: int = PERMUTATIONS, seed: int = 0) -> Verdict:
    """The kernel two-sample test: squared MMD, whose p-value is by permutation of the rows.

    Inverse multiquadric kernels of seven widths around the median squared distance, averaged. The
    p-value is exact: (1 + permutations with as large a statistic) / (1 + permutations).

    Args:
        a, b: (N, D) and (M, D), independent rows.

    Raises:
        DataError, ShapeError: too few rows, values that are not finite, or other widths.

    Reference:
        A Kernel Two-Sample Test (Gretton et al., 2012)

    >>> x, y = torch.randn(2, 50, 3, generator=torch.Generator().manual_seed(1))
    >>> mmd_test(x, y).p_value > 0.05 > mmd_test(x, y + 1).p_value
    True
    """
    rows, first = _pooled(a, b)
    squares = squared_distances(rows, rows)
    kernel = inverse_multiquadric(squares, float(squares.median()) or 1.0).fill_diagonal_(0)
    total, draw = len(rows), torch.Generator().manual_seed(seed)
    order = torch.rand(total, permutations, generator=draw).argsort(0)
    sides = torch.cat([torch.arange(total)[:, None], order], 1) < first  # the first is as it is
    found = _squared_mmd(kernel, sides.double(), first)
    p_value = float((found >= found[0] - 1e-12 * found[0].abs()).double().mean())
    return Verdict("MMD", float(found[0]), p_value)


def classifier_test(a: Values, b: Values, seed: int = 0, trees: int = TREES) -> Verdict:
    """The classifier two-sample test: can a forest of trees tell the samples apart?

    It learns from one half of the rows and scores the other; the statistic is the AUC there, and
    its p-value that of the rank-sum test against chance, which knows nothing of the classifier.

    Args:
        a, b: (N, D) and (M, D), independent rows, four of each or more.
        seed: of the halves and of the forest.
        trees: of the forest.

    References:
        Revisiting Classifier Two-Sample Tests (Lopez-Paz and Oquab, 2016), arXiv:1610.06545
        On Multivariate Goodness-of-Fit and Two-Sample Testing (Friedman, 2003)

    >>> x, y = torch.randn(2, 60, 3, generator=torch.Generator().manual_seed(0))
    >>> classifier_test(x, y + 3, trees=20).p_value < 0.001
    True
    """
    from scipy.stats import mannwhitneyu
    from sklearn.ensemble import ExtraTreesClassifier

    rows, first = _pooled(a, b)
    x, y = rows.numpy(), np.arange(len(rows)) >= first
    random = np.random.default_rng(seed)
    halves = [random.permutation(np.flatnonzero(y == side)) for side in (False, True)]
    known = np.concatenate([half[: len(half) // 2] for half in halves])
    other = np.concatenate([half[len(half) // 2 :] for half in halves])
    forest = ExtraTreesClassifier(
        trees, min_samples_leaf=3, class_weight="balanced", random_state=seed
    )
    said = forest.fit(x[known], y[known]).predict_proba(x[other])[:, 1]
    ranks = mannwhitneyu(said[y[other]], said[~y[other]], alternative="greater")
    area = float(ranks.statistic) / (y[other].sum() * (~y[other]).sum())
    return Verdict("classifier", area, float(ranks.pvalue))


def likelihood_test(scores: Values, reference: Values) -> Verdict:
    """Whether ranks of scores among reference scores are uniform: the Kolmogorov-Smirnov test.

    Such ranks are the probability integral transform of the scores; the statistic is the largest
    difference of the two distribution functions.

    Args:
        scores, reference: log-likelihoods (N,) and (M,).

    >>> likelihood_test([0.0, 1.0, 2.0], [0.5, 1.5, 2.5]).statistic
    0.3333333333333333
    """
    from scipy.stats import ks_2samp

    each, known = (as_rows(s, "scores")[:, 0].numpy() for s in (scores, reference))
    found: Any = ks_2samp(each, known)
    return Verdict("likelihood", float(found.statistic), float(found.pvalue))


def _pooled(a: Values, b: Values) -> tuple[Tensor, int]:
    x, y = as_rows(a, "first sample", 4), as_rows(b, "second sample", 4)
    check_same_width(x, y, ("first sample", "second sample"))
    return torch.cat([x, y]), len(x)


def _squared_mmd(kernel: Tensor, sides: Tensor, first: int) -> Tensor:
    """Unbiased squared MMDs (P,) where columns of `sides` (N, P) say which rows are the first."""
    second = len(kernel) - first
    sums = (sides * (kernel @ sides)).sum(0)
    across = kernel.sum(0) @ sides - sums
    rest = kernel.sum() - 2 * across - sums
    within = sums / (first * (first - 1)) + rest / (second * (second - 1))
    return within - 2 * across / (first * second)
