"""Bounds of models whose first latent is a class: summed over exactly, where it is not known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import torch
from torch import Tensor

from variata.batch import Batch
from variata.models import LatentModel, Stage, Trace
from variata.schedules import Moment
from variata.shapes import draw


@dataclass(frozen=True)
class EnumeratedBound:
    """The negative bound of log p(x, y), or of log p(x) where the label y is not known, (B,), nats.

    L(x, y) = -log p(x | z, y) + KL(q(z | x, y) || p(z)) - log p(y) at a z for every class, and
    U(x) = sum_y q(y | x) (L(x, y) + log q(y | x)). Labels below 0 are unknown.

    Args:
        screened: whether the decoder reads a last latent alone, whose posterior does not know the
            class: its draw, and the decoder's work, then serve all classes.

    Reference:
        Semi-Supervised Learning with Deep Generative Models (Kingma et al., 2014),
        arXiv:1406.5298
    """

    screened: bool = False

    def __call__(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        q: Any = trace.stages[0].q
        batch, classes = trace.observed, q.event_shape[0]
        if self.screened:
            costs = trace.distortion()[0][:, None] + rate_of_classes(model, batch, classes)
        else:
            costs = cost_of_classes(model, batch, classes)
        unknown = (q.probs * (costs + q.log_probs)).sum(-1)
        y = labels_of(trace)
        known = costs.gather(1, y.clamp_min(0)[:, None])[:, 0]
        return torch.where(y >= 0, known, unknown)


@dataclass(frozen=True)
class Classification:
    """-log q(y | x) where the label is known, and 0 elsewhere, (B,), in nats."""

    def __call__(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        q: Any = trace.stages[0].q
        y = labels_of(trace)
        cost = -q.log_probs.gather(1, y.clamp_min(0)[:, None])[:, 0]
        return torch.where(y >= 0, cost, torch.zeros_like(cost))


@dataclass(frozen=True)
class ClassBalance:
    """KL(mean of q(y | x) over the rows at hand || p(y)), the same for all of them, (B,), nats."""

    def __call__(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        q: Any = trace.stages[0].q
        p: Any = trace.stages[0].p
        mean = q.probs.mean(0)
        return (torch.special.xlogy(mean, mean) - mean * p.log_probs).sum().expand(len(q.probs))


def cost_of_classes(model: LatentModel, batch: Batch, classes: int) -> Tensor:
    """L(x, y) for every row and every class, (B, C), in nats; classes are folded into the batch."""
    trace = model.observe(*_folded(model, batch, classes))
    return _unfolded(trace.distortion() + _rate(trace.stages), classes)


def rate_of_classes(model: LatentModel, batch: Batch, classes: int) -> Tensor:
    """L(x, y) without the distortion, (B, C), in nats: nothing is decoded."""
    return _unfolded(_rate(model.infer(*_folded(model, batch, classes))), classes)


def labels_of(trace: Trace) -> Tensor:
    """The labels of a batch, (B,); -1 for all where it has none."""
    batch = trace.observed
    if batch.y is not None:
        return batch.y
    return torch.full((len(batch),), -1, dtype=torch.int64, device=batch.x.device)


def _folded(model: LatentModel, batch: Batch, classes: int) -> tuple[Any, ...]:
    """What `observe` needs for every row with every class, whose features are made once."""
    y = torch.eye(classes, dtype=batch.x.dtype, device=batch.x.device)
    given = {0: y.repeat_interleave(len(batch), 0)}
    x, c = _again(batch.x, classes), None if batch.c is None else _again(batch.c, classes)
    return Batch(x, x, c), 1, given, draw, _again(model.encoder(batch.seen), classes)


def _unfolded(cost: Tensor, classes: int) -> Tensor:
    return cost[0].view(classes, -1).T


def _rate(stages: Sequence[Stage]) -> Tensor:
    """-log p(y) and the rates of the latents below, (1, C * B), in nats."""
    top, *below = stages
    return reduce(add, (stage.rate() for stage in below), -top.p.log_prob(top.z))


def _again(value: Any, times: int) -> Any:
    """Rows so many times over; features may be several tensors."""
    if isinstance(value, tuple):
        return tuple(_again(part, times) for part in value)
    return value.repeat(times, *(1 for _ in value.shape[1:]))
