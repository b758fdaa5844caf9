"""How near images are to what they should be: signal to noise, and structural similarity."""

from __future__ import annotations

import math

from torch import Tensor

from variata.data.corruptions import blur
from variata.errors import ShapeError
from variata.metrics.estimate import Estimate
from variata.metrics.rows import Values, as_rows, check_same_width

WINDOW = 1.5  # standard deviation, in pixels, of the window of SSIM
REACH = 5  # pixels from the middle of the window to its edge
K1, K2 = 0.01, 0.03


def psnr(clean: Values, cleaned: Values, peak: float = 1.0) -> Estimate:
    """Return the peak signal-to-noise ratio, -10 log10(MSE / peak^2) dB, averaged over images.

    Args:
        clean, cleaned: (N, *X), in the same order.
        peak: the largest value less the smallest that images can have.

    Raises:
        ShapeError, DataError: widths differ, or a value is not finite.

    >>> round(psnr([[0.0, 1.0]], [[0.1, 0.9]]).mean, 6)
    20.0
    """
    a, b = as_rows(clean, "clean images"), as_rows(cleaned, "cleaned images")
    check_same_width(a, b, ("clean images", "cleaned images"))
    error = (a - b).square().mean(1).clamp_min(1e-12 * peak**2)  # equal images: 120 dB
    return Estimate.of(10 * (2 * math.log10(peak) - error.log10()))


def ssim(clean: Tensor, cleaned: Tensor, peak: float = 1.0) -> Estimate:
    """Return the structural similarity of images (N, C, H, W), averaged over images; 1 where equal.

    Local means, variances and covariance under a Gaussian window of 11 x 11 pixels with a standard
    deviation of 1.5; places whose window leaves the image do not count, unless there are no others.

    Args:
        clean, cleaned: in the same order.
        peak: as in `psnr`.

    Raises:
        ShapeError: they are not images of one shape.

    Reference:
        Image Quality Assessment: From Error Visibility to Structural Similarity (Wang et al., 2004)

    >>> import torch
    >>> x = torch.rand(2, 1, 16, 16)
    >>> round(ssim(x, x).mean, 6)
    1.0
    """
    if clean.shape != cleaned.shape or clean.ndim != 4:
        raise ShapeError(
            f"SSIM: expected two sets of images (N, C, H, W), got {tuple(clean.shape)} and "
            f"{tuple(cleaned.shape)}."
        )
    a, b = clean.double(), cleaned.double()
    mean_a, mean_b = _local(a), _local(b)
    spread = _local(a * a) - mean_a.square() + _local(b * b) - mean_b.square()
    shared = _local(a * b) - mean_a * mean_b
    c1, c2 = (K1 * peak) ** 2, (K2 * peak) ** 2
    light = (2 * mean_a * mean_b + c1) / (mean_a.square() + mean_b.square() + c1)
    return Estimate.of((light * (2 * shared + c2) / (spread + c2)).flatten(1).mean(1))


def _local(x: Tensor) -> Tensor:
    """Means under the window, where it lies in the image."""
    whole = blur(x, WINDOW)
    if min(x.shape[-2:]) <= 2 * REACH:
        return whole
    return whole[..., REACH:-REACH, REACH:-REACH]
