"""The mass a logistic density puts into bins of equal width, with open-ended outer bins.

Everything is reckoned in code units: level c covers c - 1/2 to c + 1/2. The edges of neighbouring
bins are then the same float, so that the masses telescope to one at any scale.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import softplus, threshold

from variata.noise import noise

LOG_SCALE_LIMIT = 20.0
FAR = 1e30  # an edge so far out that nothing lies beyond it; finite, so that gradients are
FEW_LEVELS = 32  # up to so many, sums over the levels are cheap enough for pictures
CHUNK = 1 << 21  # numbers held at once while summing over levels


def log_bin_mass(value: Tensor, mean: Tensor, log_scale: Tensor, levels: int) -> Tensor:
    """log mass of the bin that holds `value`, nats, exact in every regime.

    With a and b the standardised upper and lower edge,

    log [sigmoid(a) - sigmoid(b)] = log [1 - exp(b - a)] - softplus(-a) - softplus(b),

    a sum without cancellation. `log_scale` is held within -20 to 20.

    >>> log_bin_mass(torch.tensor([0.0, 1.0]), torch.tensor(0.5), torch.tensor(0.0), 2)
    tensor([-0.6931, -0.6931])
    """
    # thresholds and clamps instead of masks: comparisons are slow on a CPU
    top = levels - 1
    code = (value * top).round()
    lower = threshold(code - 0.5, 0.0, -FAR)
    minus_upper = threshold(-code - 0.5, -float(top), -FAR)
    inner = code.clamp(0, 1) * (top - code).clamp(0, 1)
    centre, per_bin = mean * top, _per_bin(log_scale, top)
    above = softplus((centre + minus_upper) * per_bin, threshold=40.0)
    below = softplus((lower - centre) * per_bin, threshold=40.0)
    return inner * torch.log(-torch.expm1(-per_bin)) - above - below


def bin_moments(mean: Tensor, log_scale: Tensor, levels: int) -> tuple[Tensor, Tensor]:
    """Exact mean and variance of the binned value, by a sum over the levels' edges.

    For a whole number a, E[(code - a)^2] is the sum over the edges of |2 (c - a) + 1| times the
    mass beyond edge c + 1/2, seen from a; E[code - a] the same sum of the signs. All terms
    have one sign on each side of a, the level nearest to `mean`, so nothing cancels.

    >>> bin_moments(torch.tensor([0.5]), torch.tensor([9.0]), 2)
    (tensor([0.5000]), tensor([0.2500]))
    """
    top = levels - 1
    centre, per_bin = mean * top, _per_bin(log_scale, top)
    centre, per_bin = (t.unsqueeze(-1) for t in torch.broadcast_tensors(centre, per_bin))
    near = centre.detach().round().clamp(0, top)
    first, second = torch.zeros_like(mean), torch.zeros_like(mean)
    for code in _chunks(top, centre):
        weight = 2 * (code - near) + 1
        sign = weight.sign()
        beyond = torch.sigmoid(sign * (centre - code - 0.5) * per_bin)
        first = first + (sign * beyond).sum(-1)
        second = second + (weight.abs() * beyond).sum(-1)
    expected = (near.squeeze(-1) + first).clamp(0, top) / top
    return expected, (second - first.square()).clamp(min=0) / top**2


def clamped_mean(mean: Tensor, log_scale: Tensor) -> Tensor:
    """Mean of a logistic variable cut off at 0 and 1, in one pass, the shape of `mean`.

    The integral of sigmoid((mean - t) / scale) over t from 0 to 1. It differs from the mean over
    the bins, which is its midpoint rule, by at most half a bin.

    >>> clamped_mean(torch.tensor([0.5, -9.0, 9.0]), torch.tensor(-4.0))
    tensor([0.5000, 0.0000, 1.0000])
    """
    scale = log_scale.clamp(-LOG_SCALE_LIMIT, LOG_SCALE_LIMIT).exp()
    above = softplus(mean / scale, threshold=40.0)
    return (scale * (above - softplus((mean - 1) / scale, threshold=40.0))).clamp(0, 1)


def sample_bins(mean: Tensor, log_scale: Tensor, levels: int) -> Tensor:
    """Draw by the inverse cumulative function, rounded to the grid; the shape of `mean`.

    >>> sample_bins(torch.full((3,), 0.4), torch.tensor(-20.0), 2)
    tensor([0., 0., 0.])
    """
    top = levels - 1
    scale = log_scale.clamp(-LOG_SCALE_LIMIT, LOG_SCALE_LIMIT).exp()
    noise = torch.rand(mean.shape, dtype=mean.dtype, device=mean.device)
    drawn = mean + scale * noise.logit()
    return (drawn * top).round().clamp(0, top) / top


def smooth_draw(mean: Tensor, log_scale: Tensor, event_dim: int) -> Tensor:
    """A draw cut off at 0 and 1 but not rounded, the shape of `mean`, with gradients to both.

    >>> smooth_draw(torch.full((3,), 0.4), torch.tensor(-20.0), 1)
    tensor([0.4000, 0.4000, 0.4000])
    """
    scale = log_scale.clamp(-LOG_SCALE_LIMIT, LOG_SCALE_LIMIT).exp()
    uniform = noise(torch.rand, mean.shape, event_dim, dtype=mean.dtype, device=mean.device)
    return (mean + scale * uniform.logit(eps=1e-6)).clamp(0, 1)


def _per_bin(log_scale: Tensor, top: int) -> Tensor:
    return (-log_scale.clamp(-LOG_SCALE_LIMIT, LOG_SCALE_LIMIT)).exp() / top


def _chunks(top: int, like: Tensor) -> Iterator[Tensor]:
    exported = torch.compiler.is_exporting()  # to a graph, whose number of rows is not known yet
    step = top if exported else max(1, CHUNK // max(1, like.numel()))
    for start in range(0, top, step):
        yield torch.arange(start, min(start + step, top), dtype=like.dtype, device=like.device)
