"""Maximum mean discrepancy: a distance of two samples without a density."""

from __future__ import annotations

from torch import Tensor

from variata.metrics.distances import squared_distances
from variata.metrics.rows import Values, as_rows, check_same_width
from variata.objectives.kernels import inverse_multiquadric


def mmd_imq(a: Values, b: Values, base: float | None = None) -> float:
    """Return the unbiased squared MMD of two samples (N, D), (M, D) with IMQ kernels.

    k(x, y) = mean over s of C / (C + ||x - y||^2), C = s * base, over seven scales s from 0.1 to
    10. Zero in expectation when both samples come from one distribution, and then often slightly
    negative. Without unit. A Kernel Two-Sample Test, Gretton et al., 2012; the kernel as in
    Wasserstein Auto-Encoders, Tolstikhin et al., 2018, arXiv 1711.01558.

    Args:
        a, b: the samples; rows are independent draws.
        base: kernel width, squared; 2 D by default, the mean squared distance of two N(0, I) draws.

    Raises:
        DataError: fewer than 2 rows, or a value that is not finite.
        ShapeError: a and b differ in width.

    >>> import torch
    >>> draw = torch.Generator().manual_seed(0)
    >>> x, y = torch.randn(2, 500, 3, generator=draw)
    >>> abs(mmd_imq(x, y)) < 0.005 < mmd_imq(x, y + 1)
    True
    """
    x, y = as_rows(a, "first sample", 2), as_rows(b, "second sample", 2)
    check_same_width(x, y, ("first sample", "second sample"))
    width = 2.0 * x.shape[1] if base is None else base
    across = inverse_multiquadric(squared_distances(x, y), width).mean()
    return float(_within(x, width) + _within(y, width) - 2 * across)


def _within(x: Tensor, base: float) -> Tensor:
    count = len(x)
    kernel = inverse_multiquadric(squared_distances(x, x), base).fill_diagonal_(0)
    return kernel.sum() / (count * (count - 1))
