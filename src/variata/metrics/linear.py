"""The reconstruction error that a linear model reaches: the mean, and principal components."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from variata.errors import UsageError
from variata.metrics.estimate import Estimate
from variata.metrics.rows import Values, as_rows, check_same_width, some_rows

EXACT = 1024  # up to this many rows or columns the Gram matrix is decomposed whole


def rms_error(x: Values, reconstruction: Values) -> Estimate:
    """Return the root mean squared error per element over examples (N, *X), in the unit of x.

    Principal components are optimal for it, which makes the comparison with a linear model fair.
    Its standard error follows from that of the mean square: se / (2 rms).

    Raises:
        ShapeError, DataError: widths differ, or a value is not finite.

    >>> rms_error([[0.0, 0.0]], [[3.0, 3.0]]).mean
    3.0
    """
    a, b = as_rows(x, "data"), as_rows(reconstruction, "reconstructions")
    check_same_width(a, b, ("data", "reconstructions"))
    square = Estimate.of(((a - b) ** 2).mean(1))
    root = math.sqrt(square.mean)
    return Estimate(root, square.se / (2 * root) if root else 0.0)


def mean_predictor(train: Values, test: Values) -> Estimate:
    """Return the RMS error of predicting the training mean for every test row, in own units.

    >>> mean_predictor([[0.0], [2.0]], [[1.0], [1.0]]).mean
    0.0
    """
    mean = as_rows(train, "training data").mean(0)
    rows = as_rows(test, "test data")
    check_same_width(rows, mean[None], ("test data", "training data"))
    return rms_error(rows, mean.expand_as(rows))


class PCABaseline:
    """Reconstruction from the first n principal components, in the data's own units.

    Exact by the Gram matrix when rows or columns are few; otherwise by a randomised range finder
    with power iterations (Finding Structure with Randomness, Halko, Martinsson and Tropp, 2011,
    arXiv 0909.4061).

    Args:
        n: components; set it to the number of latent dimensions. Never more than the data hold.
        limit: training rows used, drawn at random when there are more.
        seed: of that draw.

    >>> line = [[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]]
    >>> round(PCABaseline(1).fit(line).error([[3.0, 6.0]]).mean, 6)
    0.0
    """

    def __init__(self, n: int, limit: int = 20_000, seed: int = 0) -> None:
        if n < 1:
            raise UsageError(f"PCA baseline: expected n of at least 1, got {n}.")
        self.n, self.limit, self.seed = n, limit, seed
        self._mean: Tensor | None = None
        self._axes: Tensor | None = None

    def fit(self, train: Values) -> PCABaseline:
        """Find the components of rows (N, *X), and return self."""
        x = some_rows(as_rows(train, "training data", 2), self.limit, self.seed)
        self._mean = x.mean(0)
        self._axes = principal_axes(x - self._mean, self.n, self.seed)
        return self

    def codes(self, x: Values) -> Tensor:
        """Return the coordinates of rows (N, *X) along the components, (N, n)."""
        mean, axes = self._fitted()
        rows = as_rows(x, "data")
        check_same_width(rows, mean[None], ("data", "training data"))
        return (rows - mean) @ axes

    def reconstruct(self, x: Values) -> Tensor:
        """Return rows (N, *X) rebuilt from n components, (N, D), in own units."""
        mean, axes = self._fitted()
        return self.codes(x) @ axes.T + mean

    def error(self, x: Values) -> Estimate:
        """Return the RMS error of the reconstruction of rows (N, *X), in own units."""
        return rms_error(x, self.reconstruct(x))

    def _fitted(self) -> tuple[Tensor, Tensor]:
        if self._mean is None or self._axes is None:
            raise UsageError("PCA baseline: call fit first.")
        return self._mean, self._axes


def principal_axes(centred: Tensor, n: int, seed: int = 0) -> Tensor:
    """Return the first n orthonormal principal axes of centred rows (N, D), as columns (D, n).

    >>> principal_axes(torch.tensor([[2.0, 0.0], [-2.0, 0.0]]), 1).abs()
    tensor([[1.],
            [0.]])
    """
    n = min(n, *centred.shape)
    if min(centred.shape) > EXACT and n < EXACT // 4:
        centred = centred @ (basis := _range_basis(centred, n + 16, seed))
        return basis @ _exact_axes(centred, n)
    return _exact_axes(centred, n)


def _exact_axes(x: Tensor, n: int) -> Tensor:
    if x.shape[1] <= x.shape[0]:
        return torch.linalg.eigh(x.T @ x).eigenvectors.flip(1)[:, :n]
    left = torch.linalg.eigh(x @ x.T).eigenvectors.flip(1)[:, :n]
    return torch.linalg.qr(x.T @ left).Q


def _range_basis(x: Tensor, size: int, seed: int, power: int = 6) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    start = torch.randn(x.shape[1], size, generator=generator, dtype=x.dtype)
    basis = torch.linalg.qr(start.to(x.device)).Q
    for _ in range(power):
        basis = torch.linalg.qr(x.T @ (x @ basis)).Q
    return basis
