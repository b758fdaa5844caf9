"""What a generator makes: values without a likelihood."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from variata.conditionals.likelihood import COUNTS
from variata.distributions import Dirac

LEAST = 0.1  # share of the range: at its ends a sigmoid passes hardly any gradient


class PointHead(nn.Module):
    """Raw outputs to values of one kind of data, all mass on each.

    Args:
        likelihood: by which the data would be judged: it says what values there are. Binary values
            are rounded, with the gradients of what is not; others lie where data does.

    >>> import torch
    >>> PointHead("bernoulli")(torch.tensor([[[[-3.0, 0.1]]]])).mean
    tensor([[[0., 1.]]])
    """

    per_element = 1

    def __init__(self, likelihood: str) -> None:
        super().__init__()
        self.binary = likelihood == "bernoulli"
        self.counts = likelihood in COUNTS
        self.real = likelihood == "gaussian"

    def forward(self, raw: Tensor) -> Dirac:
        """Raw outputs (K, B, 1, *X) to points (K, B, *X)."""
        return Dirac(self._values(raw.squeeze(2)), raw.dim() - 3)

    def start(self, mean: Tensor, scale: Tensor) -> Tensor:
        if self.real:
            return mean[None]
        if self.counts:
            y = mean + LEAST
            return (y + (-(-y).expm1()).log())[None]  # of softplus, the inverse
        return mean.clamp(LEAST, 1 - LEAST).logit()[None]

    def _values(self, raw: Tensor) -> Tensor:
        if self.real:
            return raw
        if self.counts:
            return F.softplus(raw)
        soft = raw.sigmoid()
        return soft + (soft.round() - soft).detach() if self.binary else soft
