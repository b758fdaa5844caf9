"""The moving average of the weights, which is what gets validated and kept."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from variata.models import LatentModel

EVERY = 10  # steps between updates: an average over a thousand steps does not need each


class Average:
    """A copy of a model whose floating-point state follows it slowly.

    The decay grows from 0 to `decay`, so that early weights are soon forgotten.

    Reference:
        Acceleration of Stochastic Approximation by Averaging (Polyak and Juditsky, 1992)
    """

    def __init__(self, model: LatentModel, decay: float) -> None:
        self.decay = decay
        self.model: LatentModel = copy.deepcopy(model).requires_grad_(False)
        self._from: list[Tensor] = list(model.parameters())
        self._to: list[Tensor] = list(self.model.parameters())
        self._buffers = list(zip(self.model.buffers(), model.buffers(), strict=True))

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move towards the model, at every tenth step."""
        if self.decay and step % EVERY:
            return
        weight = 1 - min(self.decay, (1 + step) / (10 + step)) ** EVERY if self.decay else 1.0
        torch._foreach_lerp_(self._to, self._from, weight)
        for mine, theirs in self._buffers:
            mine.copy_(theirs)
