"""The moving average of the weights, which is what gets validated and kept."""

from __future__ import annotations

import torch

from variata.models import LatentModel
from variata.training.weights import Weights

EVERY = 10  # steps between updates: an average over a thousand steps does not need each


class Average:
    """A copy of a model whose floating-point state follows it slowly.

    The decay grows from 0 to `decay`, so that early weights are soon forgotten.

    Args:
        copied: the model's copy that becomes the average.
        model: whose buffers are taken over.
        weights: the model's, which are followed.
        decay: of the average.

    Reference:
        Acceleration of Stochastic Approximation by Averaging (Polyak and Juditsky, 1992)
    """

    def __init__(
        self, copied: LatentModel, model: LatentModel, weights: Weights, decay: float
    ) -> None:
        self.decay, self.model = decay, copied
        self._from, self._to = weights.values, Weights(self.model).values
        self.model.requires_grad_(False)
        self._buffers = list(zip(self.model.buffers(), model.buffers(), strict=True))

    def update(self, step: int) -> None:
        """Move towards the model, at every tenth step."""
        if not self.decay or step % EVERY == 0:
            self._follow(step)

    @torch.no_grad()
    def _follow(self, step: int) -> None:
        weight = 1 - min(self.decay, (1 + step) / (10 + step)) ** EVERY if self.decay else 1.0
        self._to.lerp_(self._from, weight)
        for mine, theirs in self._buffers:
            mine.copy_(theirs)
