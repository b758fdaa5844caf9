"""The likelihood that a model without a latent reaches: every element on its own."""

from __future__ import annotations

import torch
from torch import Tensor

from variata.errors import DataError, UsageError, did_you_mean
from variata.metrics.estimate import Estimate
from variata.metrics.likelihood import bits_per_dim
from variata.metrics.marginals import (
    BernoulliMarginals,
    CountMarginals,
    GaussianMarginals,
    HistogramMarginals,
    Marginals,
)
from variata.metrics.rows import Values, as_rows, check_same_width

KINDS = ("binary", "levels", "category", "real", "count")


class FactorisedBaseline:
    """Independent elements, fitted to training examples. A model that does not beat it is no use.

    Takes codes, not the person's own units: 0/1 for binary, 0..levels-1 for levels and category,
    the count itself for count, and for real whichever unit the densities are compared in
    (standardised, say). Any shape (N, *X).

    Args:
        kind: "binary" Bernoulli with Laplace smoothing; "levels" and "category" smoothed
            histograms; "real" Gaussians; "count" Poisson or negative binomial by moments.
        levels: number of levels or categories; needed for those two kinds only.
        floor: smallest standard deviation for real, one number or one per element, in the codes'
            unit: the resolution of the data.

    Raises:
        UsageError: unknown kind, or levels missing.

    >>> baseline = FactorisedBaseline("binary").fit([[0, 1], [0, 1], [1, 1], [0, 1]])
    >>> round(baseline.score([[0, 1]]).mean, 4)  # -log(4/6) - log(5/6)
    0.5878
    """

    def __init__(self, kind: str, levels: int | None = None, floor: Values = 1e-3) -> None:
        if kind not in KINDS:
            raise UsageError(
                f"factorised baseline: expected a kind from {', '.join(KINDS)}, got '{kind}'."
                + did_you_mean(kind, KINDS)
            )
        if kind in ("levels", "category") and not levels:
            raise UsageError(f"factorised baseline: kind '{kind}' needs the number of levels.")
        self.kind, self.levels = kind, levels
        self._floor = torch.as_tensor(floor, dtype=torch.float64).reshape(-1)
        self._marginals: Marginals | None = None
        self._width = 0

    def fit(self, codes: Values) -> FactorisedBaseline:
        """Fit every element's distribution to codes (N, *X), and return self.

        Raises:
            DataError: no example, a value that is not finite, or one outside the kind's support.
        """
        x = self._checked(codes, "training codes")
        self._marginals, self._width = self._fitted(x), x.shape[1]
        return self

    def nats(self, codes: Values) -> Tensor:
        """Return -log p(x) of each example, (N,) nats.

        Raises:
            UsageError: not fitted yet. DataError, ShapeError: codes that do not fit.
        """
        if self._marginals is None:
            raise UsageError("factorised baseline: call fit before scoring.")
        x = self._checked(codes, "test codes")
        check_same_width(x[:1], x.new_zeros(1, self._width), ("test codes", "training codes"))
        return -self._marginals.log_prob_each(x).sum(1)

    def score(self, codes: Values) -> Estimate:
        """Return the mean negative log-likelihood of codes (N, *X), nats per example."""
        return Estimate.of(self.nats(codes))

    def bits_per_dim(self, codes: Values) -> Estimate:
        """Return the mean negative log-likelihood of codes (N, *X), bits per dimension."""
        nats = self.score(codes)
        return Estimate(bits_per_dim(nats.mean, self._width), bits_per_dim(nats.se, self._width))

    def _fitted(self, x: Tensor) -> Marginals:
        if self.kind == "binary":
            return BernoulliMarginals(x)
        if self.kind == "real":
            return GaussianMarginals(x, self._floor)
        if self.kind == "count":
            return CountMarginals(x)
        return HistogramMarginals(x, self.levels or 2)

    def _checked(self, codes: Values, name: str) -> Tensor:
        x = as_rows(codes, name)
        if self.kind != "real":
            top = {"binary": 2, "count": None}.get(self.kind, self.levels)
            _check_codes(x, top, name)
        return x


def _check_codes(x: Tensor, top: int | None, name: str) -> None:
    bad = (x < 0) | (x != x.round())
    if top is not None:
        bad |= x >= top
    if bad.any():
        row, column = (int(i) for i in bad.nonzero()[0])
        upto = "" if top is None else f" below {top}"
        raise DataError(
            f"{name}: expected whole numbers from 0{upto}, got {x[row, column].item():g} in row "
            f"{row}, column {column}; give codes, not values in own units."
        )
