"""Disentanglement, completeness and informativeness, by the importance of codes for predictors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from variata.errors import UsageError, did_you_mean
from variata.metrics.disentangle.table import Table
from variata.metrics.rows import Values

Predictor = Literal["forest", "boosting", "lasso"]
LIMIT = 10_000
FOREST: dict[str, Any] = {"n_estimators": 40, "min_samples_leaf": 5, "max_features": None}
PENALTY = 0.02  # of the lasso, on standardised values, as in the paper


@dataclass(frozen=True, eq=False)
class DCI:
    """What predictors of factors from codes tell.

    Attributes:
        disentanglement: 0 to 1; 1 where each code is important for one factor only. None where
            one factor alone varies, which every code serves.
        completeness: 0 to 1; 1 where for each factor one code only is important.
        informativeness: accuracy of the predictions on rows kept aside, mean over factors; of
            the lasso, the share of the factors' variance explained.
        chance: informativeness of always guessing the commonest value; 0 for the lasso.
        importances: of codes for factors, (L, F); every column sums to 1, or is 0.
    """

    disentanglement: float | None
    completeness: float
    informativeness: float
    chance: float
    importances: np.ndarray


def dci(
    codes: Values,
    factors: Values,
    *,
    predictor: Predictor = "forest",
    limit: int = LIMIT,
    seed: int = 0,
) -> DCI:
    """Learn to predict every factor from all codes, and see which codes the predictors use.

    Of the importances R (L, F): a code's disentanglement is 1 - H(R_i. / sum) / log F, their mean
    weighted with the codes' importance; a factor's completeness is 1 - H(R_.j) / log L.

    Args:
        codes, factors: (N, L) and whole numbers (N, F).
        predictor: "forest" (extremely randomised trees; seconds), "boosting" (gradient boosting,
            which most published figures used; minutes where factors have many values) or "lasso"
            (linear, for factors whose values are quantities; instant).
        limit: rows used, drawn at random when there are more.
        seed: of rows and predictors.

    Raises:
        DataError, ShapeError: unusable rows.
        UsageError: an unknown predictor.

    Reference:
        A Framework for the Quantitative Evaluation of Disentangled Representations
        (Eastwood and Williams, 2018), ICLR

    >>> factors = np.stack(np.unravel_index(np.arange(200) % 20, (4, 5)), axis=1)
    >>> told = dci(factors, factors)
    >>> told.disentanglement, told.completeness, told.informativeness
    (1.0, 1.0, 1.0)
    """
    if predictor not in PREDICTORS:
        hint = did_you_mean(predictor, PREDICTORS) or f" Choose among {', '.join(PREDICTORS)}."
        raise UsageError(f"There is no predictor '{predictor}'.{hint}")
    table = Table.of(codes, factors).some(limit, seed)
    known, kept = table.divided(seed)
    fitted = [PREDICTORS[predictor](table.codes, y, known, kept, seed) for y in table.factors.T]
    importances = _shares(np.stack([importance for importance, _ in fitted], axis=1), 0)
    common = [np.bincount(y[kept]).max() / len(kept) for y in table.factors.T]
    return DCI(
        disentanglement=disentanglement_of(importances),
        completeness=completeness_of(importances),
        informativeness=float(np.mean([score for _, score in fitted])),
        chance=0.0 if predictor == "lasso" else float(np.mean(common)),
        importances=importances,
    )


def disentanglement_of(importances: np.ndarray) -> float | None:
    """From importances (L, F); None for one factor.

    >>> disentanglement_of(np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]]))
    1.0
    """
    if importances.shape[1] < 2:
        return None
    weights = _shares(importances.sum(1), 0)
    return float((weights * _concentration(importances)).sum())


def completeness_of(importances: np.ndarray) -> float:
    """From importances (L, F). A single code is complete: nothing is spread.

    >>> completeness_of(np.array([[0.5, 1.0], [0.5, 0.0]]))
    0.5
    """
    return float(_concentration(importances.T).mean())


def _concentration(rows: np.ndarray) -> np.ndarray:
    """1 - the entropy of each row, in units of the largest; 0 for a row of zeros."""
    share = _shares(rows, 1)
    entropy = -(share * np.log(np.where(share > 0, share, 1))).sum(1)
    return np.where(rows.any(1), 1 - entropy / max(np.log(rows.shape[1]), 1e-12), 0.0)


def _shares(values: np.ndarray, axis: int) -> np.ndarray:
    total = values.sum(axis, keepdims=True)
    return values / np.where(total > 0, total, 1)


Fitted = tuple[np.ndarray, float]
Fit = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int], Fitted]


def _forest(x: np.ndarray, y: np.ndarray, known: np.ndarray, kept: np.ndarray, seed: int) -> Fitted:
    from sklearn.ensemble import ExtraTreesClassifier

    return _classified(ExtraTreesClassifier(**FOREST, random_state=seed), x, y, known, kept)


def _boosting(
    x: np.ndarray, y: np.ndarray, known: np.ndarray, kept: np.ndarray, seed: int
) -> Fitted:
    from sklearn.ensemble import GradientBoostingClassifier

    return _classified(GradientBoostingClassifier(random_state=seed), x, y, known, kept)


def _classified(
    model: Any, x: np.ndarray, y: np.ndarray, known: np.ndarray, kept: np.ndarray
) -> Fitted:
    model.fit(x[known], y[known])
    return model.feature_importances_, float((model.predict(x[kept]) == y[kept]).mean())


def _lasso(x: np.ndarray, y: np.ndarray, known: np.ndarray, kept: np.ndarray, seed: int) -> Fitted:
    from sklearn.linear_model import Lasso

    target = (y - y.mean()) / y.std()
    model = Lasso(alpha=PENALTY).fit(x[known], target[known])
    left = ((target - model.predict(x))[kept] ** 2).mean() / max(target[kept].var(), 1e-12)
    return np.abs(model.coef_), max(0.0, float(1 - left))


PREDICTORS: dict[str, Fit] = {"forest": _forest, "boosting": _boosting, "lasso": _lasso}
