"""From an interval to all numbers."""

from __future__ import annotations

import math

from torch import Tensor, nn

EDGE = 0.01  # share of the interval that is left out at either end, where logits run away


class Logit(nn.Module):
    """x between two numbers -> the logit of where it lies between them.

    Args:
        low, high: the ends of the interval.

    Reference:
        Density estimation using Real NVP (Dinh et al., 2016), arXiv:1605.08803

    >>> import torch
    >>> y, change = Logit(0.0, 1.0)(torch.tensor([[0.5]]))
    >>> y, Logit(0.0, 1.0).inverse(y)
    (tensor([[0.]]), tensor([[0.5000]]))
    """

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.low, self.scale = low, (1 - 2 * EDGE) / (high - low)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The image of x (..., L), and the logarithm of the volume change, (...)."""
        share = EDGE + (x - self.low) * self.scale
        change = -share.log() - (-share).log1p()
        return share.logit(), (change + math.log(self.scale)).sum(-1)

    def inverse(self, y: Tensor) -> Tensor:
        """The x whose image is y, also somewhat beyond the interval."""
        return self.low + (y.sigmoid() - EDGE) / self.scale
