"""A mean over examples and how sure it is."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from variata.metrics.rows import as_rows


@dataclass(frozen=True)
class Estimate:
    """A mean over examples with its standard error, both in the unit of the values.

    Attributes:
        mean: the mean over the examples.
        se: standard deviation over the examples / sqrt(N); NaN when there is one example only.

    >>> print(Estimate(mean=85.314, se=0.121))
    85.31 ± 0.12
    """

    mean: float
    se: float

    @classmethod
    def of(cls, values: Tensor) -> Estimate:
        """Return mean and standard error of one value per example, (N,).

        Raises:
            DataError: no example, or a value that is not finite.

        >>> import torch
        >>> Estimate.of(torch.tensor([1.0, 3.0]))
        Estimate(mean=2.0, se=1.0)
        """
        each = as_rows(values.reshape(-1), "values")[:, 0]
        count = len(each)
        se = float(each.std(unbiased=True)) / math.sqrt(count) if count > 1 else math.nan
        return cls(float(each.mean()), se)

    def as_dict(self) -> dict[str, float | None]:
        """Return both numbers for a JSON report; an unknown error is None.

        >>> Estimate(2.0, float("nan")).as_dict()
        {'mean': 2.0, 'se': None}
        """
        return {"mean": self.mean, "se": self.se if math.isfinite(self.se) else None}

    def __str__(self) -> str:
        return f"{self.mean:.2f} ± {self.se:.2f}" if math.isfinite(self.se) else f"{self.mean:.2f}"
