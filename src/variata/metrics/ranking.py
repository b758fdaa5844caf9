"""How often values of one kind lie below values of another: the area under a ROC curve."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from variata.metrics.estimate import Estimate
from variata.metrics.rows import Values, as_rows


def probability_less(a: Values, b: Values) -> Estimate:
    """Return P(a < b) + P(a = b) / 2 over all pairs of values (N,) and (M,), with its error.

    Where a are the scores of usual rows and b those of unusual ones, this is the area under the ROC
    curve. The error is that of DeLong et al., 1988, Comparing the Areas under Two or More
    Correlated Receiver Operating Characteristic Curves; NaN when there is one value of a kind.

    Raises:
        DataError: no value, or one that is not finite.

    >>> probability_less([1.0, 2.0], [2.0, 3.0]).mean
    0.875
    """
    x = as_rows(torch.as_tensor(a).reshape(-1), "values")[:, 0]
    y = as_rows(torch.as_tensor(b).reshape(-1), "values")[:, 0]
    below, above = _share_below(x, y), 1 - _share_below(y, x)
    if min(len(x), len(y)) < 2:
        return Estimate(float(below.mean()), math.nan)
    error = above.var() / len(x) + below.var() / len(y)
    return Estimate(float(below.mean()), math.sqrt(float(error)))


def _share_below(x: Tensor, y: Tensor) -> Tensor:
    """The share of x below each of y, equal ones counted half, (M,)."""
    order = x.sort().values
    left, right = (torch.searchsorted(order, y, right=side) for side in (False, True))
    return (left + right).double() / (2 * len(x))
