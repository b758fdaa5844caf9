"""The moving average of the weights, which is what gets validated and kept."""

from __future__ import annotations

import copy

import torch
from torch import nn

EVERY = 5  # steps between updates: an average over a thousand steps does not need each


class Average:
    """A copy of a module whose floating-point state follows it slowly.

    The decay grows from 0 to `decay`, so that early weights are soon forgotten.

    Reference:
        Acceleration of Stochastic Approximation by Averaging (Polyak and Juditsky, 1992)
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.module = copy.deepcopy(module).requires_grad_(False)

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Move towards `module`, at every fifth step."""
        if self.decay and step % EVERY:
            return
        weight = 1 - min(self.decay, (1 + step) / (10 + step)) ** EVERY if self.decay else 1.0
        torch._foreach_lerp_(list(self.module.parameters()), list(module.parameters()), weight)
        for mine, theirs in zip(self.module.buffers(), module.buffers(), strict=True):
            mine.copy_(theirs)
