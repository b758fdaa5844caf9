"""Numbers on even grids, carried in float64, whose sums are exact in any order.

Weights are multiples of 2^-20, activations are multiples of 2^-12 of at most 1,024 in size. As
long as the weights of an output sum to less than 2,048, every partial sum is a multiple of 2^-32
below 2^21 and fits in the 53 bits of a float64. Nothing is ever rounded on the way, so that the
order of a sum, the rows beside it, threads and the kind of processor cannot matter.

Reference:
    Integer Networks for Data Compression with Latent-Variable Models (Balle et al., 2019)
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from variata.errors import UsageError
from variata.exact.tables import LOGISTIC_REACH, ONE, logistic

WEIGHT, ACTIVATION = 2**20, 2**12
LIMIT = 2**10
LARGEST_SUM = 2**53 / (WEIGHT * ACTIVATION)
Network = Callable[[Tensor], Tensor]


def on_grid(weight: Tensor) -> Tensor:
    """A weight as a multiple of 2^-20, in float64."""
    return (weight.detach().cpu().double() * WEIGHT).round() / WEIGHT


def require_exact(weight: Tensor, bias: Tensor | None) -> None:
    """Refuse a layer (outputs, ...) whose sums could need more than 53 bits.

    Raises:
        UsageError: with the sum that is too large.
    """
    most = weight.abs().flatten(1).sum(1) * LIMIT
    most = most if bias is None else most + bias.abs()
    if not bool((most < LARGEST_SUM).all()):
        raise UsageError(
            f"The weights of a layer sum to {float(most.max()) / LIMIT:,.0f} for one of its "
            f"outputs; compression computes exactly below {LARGEST_SUM / LIMIT:,.0f}. Train with a "
            "lower learning rate, or for less long."
        )


def rounded(x: Tensor) -> Tensor:
    """The nearest activations on the grid, within the limit."""
    return ((x * ACTIVATION).round_() / ACTIVATION).clamp_(-LIMIT, LIMIT)


def largest_to_square(count: int) -> int:
    """A bound of activations under which the sum of so many squares is exact.

    >>> largest_to_square(2 * 14 * 14), largest_to_square(2**16)
    (1024, 64)
    """
    return min(LIMIT, 2 ** ((53 - 24 - (count - 1).bit_length()) // 2))


class SiLU:
    """x * sigmoid(x) of activations, by a table over the grid.

    >>> SiLU()(torch.tensor([0.0, 100.0, -100.0], dtype=torch.float64))
    tensor([  0., 100.,   0.], dtype=torch.float64)
    """

    def __init__(self) -> None:
        self.last = LOGISTIC_REACH * ACTIVATION
        x = torch.arange(-self.last, self.last + 1, dtype=torch.float64) / ACTIVATION
        self.table = rounded(x * torch.from_numpy(logistic()(x.numpy()) / ONE))
        self.table[0], self.table[-1] = 0, LOGISTIC_REACH

    def __call__(self, x: Tensor) -> Tensor:
        place = (x * ACTIVATION + self.last).clamp_(0, 2 * self.last).long()
        return self.table[place] + (x - LOGISTIC_REACH).clamp_(min=0)
