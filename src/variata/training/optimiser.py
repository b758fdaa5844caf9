"""The optimiser, its learning rate, and `learn`."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from variata.schedules import Moment

RISE, RISE_SHARE = 200, 0.05  # steps, or share of training, over which the learning rate rises
SPIKE = 5.0  # a gradient this many times the usual norm is scaled down to it


def optimiser(module: nn.Module, lr: float, weight_decay: float) -> torch.optim.Optimizer:
    """AdamW in its fused form, with weight decay on matrices and kernels only.

    Reference:
        Decoupled Weight Decay Regularization (Loshchilov and Hutter, 2017), arXiv:1711.05101
    """
    trained = [p for p in module.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.dim() >= 2], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.dim() < 2], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    fused = all(p.device.type in {"cpu", "cuda", "mps"} for p in trained)
    return torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.99), fused=fused)


def learning_rate(highest: float, moment: Moment) -> float:
    """A linear rise over the first steps, then a cosine to zero over the whole training.

    >>> learning_rate(1.0, Moment(step=10**6, progress=0.5))
    0.5
    """
    rise = min(1.0, max((moment.step + 1) / RISE, moment.progress / RISE_SHARE))
    return highest * rise * 0.5 * (1 + math.cos(math.pi * min(1.0, moment.progress)))


def set_learning_rate(optimiser: torch.optim.Optimizer, lr: float) -> None:
    """Give every parameter group the same learning rate."""
    for group in optimiser.param_groups:
        group["lr"] = lr


def parameters_of(optimiser: torch.optim.Optimizer) -> list[Tensor]:
    """All parameters an optimiser moves, in order."""
    return [p for group in optimiser.param_groups for p in group["params"]]


def learn(losses: Sequence[Tensor], optimisers: Sequence[torch.optim.Optimizer]) -> list[Tensor]:
    """One step of every player: only a player's own parameters feel its loss.

    All gradients are taken before any parameter moves. Gradients far above their usual norm are
    scaled down. A player whose gradient is not finite does not move.

    Args:
        losses: one scalar for each player.
        optimisers: one for each player.

    Returns:
        The norm of every player's gradient, before any scaling.
    """
    players = [parameters_of(optimiser) for optimiser in optimisers]
    last = len(players) - 1
    gradients = [
        torch.autograd.grad(loss, own, retain_graph=i < last, materialize_grads=True)
        for i, (loss, own) in enumerate(zip(losses, players, strict=True))
    ]
    return [
        _move(optimiser, own, list(gradient))
        for optimiser, own, gradient in zip(optimisers, players, gradients, strict=True)
    ]


def _move(optimiser: torch.optim.Optimizer, own: list[Tensor], gradient: list[Tensor]) -> Tensor:
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradient)))
    value = float(norm)
    if not math.isfinite(value):
        return norm
    group = optimiser.param_groups[0]
    usual = group.get("usual_norm", value)
    if value > SPIKE * usual:
        torch._foreach_mul_(gradient, SPIKE * usual / value)
    group["usual_norm"] = usual + 0.05 * (min(value, SPIKE * usual) - usual)
    for parameter, grad in zip(own, gradient, strict=True):
        parameter.grad = grad
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    return norm
