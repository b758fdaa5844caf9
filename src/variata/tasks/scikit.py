"""What the estimators here share: rows as scikit-learn knows them, seeds, results to all digits."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import validate_data

from variata.data import Examples, Source
from variata.tasks.model import Model

FLAT = 2  # scikit-learn's own checks apply to tables only


def in_double_precision(model: Model) -> Model:
    """A copy whose results for a row do not depend, in any digit shown, on the other rows."""
    module = copy.deepcopy(model.module)
    if next(module.parameters()).device.type == "mps":  # which knows no double precision
        module.cpu()
    made = Model(replace(model.saved, module=module.double()))
    made.watch, made.assumed = model.watch, model.assumed
    return made


def validated(estimator: Any, X: Any, reset: bool) -> Any:
    """Rows that scikit-learn has looked at, or, where they are no table, as they are.

    Args:
        reset: whether the estimator takes their number of columns as its own.
    """
    X = _numbers(X)
    if isinstance(X, str | Path | Source | Examples) or _dimensions(X) > FLAT:
        return X
    checked = validate_data(
        estimator, X, reset=reset, dtype="numeric", ensure_min_samples=2 if reset else 1
    )
    return checked if _dimensions(X) == FLAT and not hasattr(X, "columns") else X


def seed_of(random_state: Any) -> int:
    """A seed from what scikit-learn takes as one."""
    if isinstance(random_state, int | np.integer):
        return int(random_state)
    return int(check_random_state(random_state).randint(0, 2**31 - 1))


def _numbers(X: Any) -> Any:
    """A torch tensor as an array that scikit-learn can read; anything else as it is."""
    if not hasattr(X, "detach"):
        return X
    values = X.detach().cpu()
    return (values if values.element_size() > 2 else values.float()).numpy()


def _dimensions(X: Any) -> int:
    shape = getattr(X, "shape", None)
    return len(shape) if shape is not None else np.asarray(X).ndim
