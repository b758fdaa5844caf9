"""The learning rate, and `learn`: one step of every player."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from variata.schedules import Moment
from variata.training.adamw import Gradients, norm_of

RISE, RISE_SHARE = 200, 0.05  # steps, or share of training, over which the learning rate rises


def learning_rate(highest: float, moment: Moment) -> float:
    """A linear rise over the first steps, then a cosine to zero over the whole training.

    >>> learning_rate(1.0, Moment(step=10**6, progress=0.5))
    0.5
    """
    rise = min(1.0, max((moment.step + 1) / RISE, moment.progress / RISE_SHARE))
    return highest * rise * 0.5 * (1 + math.cos(math.pi * min(1.0, moment.progress)))


def gradients_of(losses: Sequence[Tensor], players: Sequence[Sequence[Tensor]]) -> list[Gradients]:
    """The gradient of every player's own loss with respect to that player's own parameters."""
    last = len(players) - 1
    return [
        torch.autograd.grad(loss, own, retain_graph=i < last, materialize_grads=True)
        for i, (loss, own) in enumerate(zip(losses, players, strict=True))
    ]


def learn(losses: Sequence[Tensor], optimisers: Sequence[torch.optim.Optimizer]) -> list[Tensor]:
    """One step of every player, for loops of your own: only its own parameters feel its loss.

    All gradients are taken before any parameter moves. A player whose gradient is not finite does
    not move.

    Args:
        losses: one scalar for each player.
        optimisers: one for each player.

    Returns:
        The norm of every player's gradient.
    """
    players = [[p for g in optimiser.param_groups for p in g["params"]] for optimiser in optimisers]
    gradients = gradients_of(losses, players)
    norms = [norm_of(gradient) for gradient in gradients]
    for optimiser, own, gradient, norm in zip(optimisers, players, gradients, norms, strict=True):
        if norm.isfinite():
            for parameter, grad in zip(own, gradient, strict=True):
                parameter.grad = grad
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
    return norms
