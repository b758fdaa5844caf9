"""The optimiser, its learning rate, and `learn`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from variata.schedules import Moment

RISE, RISE_SHARE = 200, 0.05  # steps, or share of training, over which the learning rate rises
SPIKE = 5.0  # a gradient this many times the usual norm is scaled down to it
FOLLOW = 0.05  # share of the way that the usual norm moves towards a step's norm

Gradients = Sequence[Tensor]


def optimiser(
    module: nn.Module, lr: float, weight_decay: float, pace: float = 1.0
) -> torch.optim.Optimizer:
    """AdamW in its fused form, with weight decay on matrices and kernels only.

    Args:
        module: what is trained.
        lr: learning rate.
        weight_decay: of matrices and kernels.
        pace: what `set_learning_rate` multiplies a rate by.

    Reference:
        Decoupled Weight Decay Regularization (Loshchilov and Hutter, 2017), arXiv:1711.05101
    """
    trained = [p for p in module.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.dim() >= 2], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.dim() < 2], "weight_decay": 0.0},
    ]
    groups = [{**group, "pace": pace} for group in groups if group["params"]]
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
    """Give every parameter group this learning rate, at its pace."""
    for group in optimiser.param_groups:
        group["lr"] = lr * group["pace"]


def parameters_of(optimiser: torch.optim.Optimizer) -> list[Tensor]:
    """All parameters an optimiser moves, in order."""
    return [p for group in optimiser.param_groups for p in group["params"]]


def gradients_of(losses: Sequence[Tensor], players: Sequence[Sequence[Tensor]]) -> list[Gradients]:
    """The gradient of every player's own loss with respect to that player's own parameters."""
    last = len(players) - 1
    return [
        torch.autograd.grad(loss, own, retain_graph=i < last, materialize_grads=True)
        for i, (loss, own) in enumerate(zip(losses, players, strict=True))
    ]


def norm_of(gradient: Gradients) -> Tensor:
    """The Euclidean norm of a gradient, a scalar on its device."""
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(list(gradient))))


def move(optimiser: torch.optim.Optimizer, gradient: Gradients, norm: Tensor) -> None:
    """Move an optimiser's parameters by a gradient of this norm.

    A norm far above the usual one is scaled down. A gradient that is not finite moves nothing.
    On an accelerator a fused optimiser is told both there, so that nothing waits for it.
    """
    group = optimiser.param_groups[0]
    if norm.device.type != "cpu" and group.get("fused"):
        _judge_there(optimiser, group, norm)
    elif not _judge_here(group, gradient, float(norm)):
        return
    for parameter, grad in zip(parameters_of(optimiser), gradient, strict=True):
        parameter.grad = grad
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)


def _judge_here(group: dict[str, Any], gradient: Gradients, norm: float) -> bool:
    """Scale a spike down; False where the gradient is not finite."""
    if not math.isfinite(norm):
        return False
    usual = group.get("usual_norm", norm)
    if norm > SPIKE * usual:
        torch._foreach_mul_(list(gradient), SPIKE * usual / norm)
    group["usual_norm"] = usual + FOLLOW * (min(norm, SPIKE * usual) - usual)
    return True


def _judge_there(optimiser: Any, group: dict[str, Any], norm: Tensor) -> None:
    """The same without waiting: a fused optimiser divides and leaves out by itself."""
    usual, finite = group.get("usual_norm", norm), norm.isfinite()
    optimiser.grad_scale = (norm / (SPIKE * usual)).clamp_min(1.0)
    optimiser.found_inf = (~finite).to(norm.dtype)
    followed = usual + FOLLOW * (norm.minimum(SPIKE * usual) - usual)
    group["usual_norm"] = torch.where(finite, followed, usual)


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
    gradients = gradients_of(losses, [parameters_of(optimiser) for optimiser in optimisers])
    norms = [norm_of(gradient) for gradient in gradients]
    for optimiser, gradient, norm in zip(optimisers, gradients, norms, strict=True):
        move(optimiser, gradient, norm)
    return norms
