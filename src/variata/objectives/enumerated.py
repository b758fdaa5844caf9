"""Bounds of models whose first latent is a class: summed over exactly, where it is not known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from variata.batch import Batch
from variata.models import LatentModel, Trace
from variata.schedules import Moment


@dataclass(frozen=True)
class EnumeratedBound:
    """The negative bound of log p(x, y), or of log p(x) where the label y is not known, (B,), nats.

    L(x, y) = -log p(x | z, y) + KL(q(z | x, y) || p(z)) - log p(y) at a z for every class, and
    U(x) = sum_y q(y | x) (L(x, y) + log q(y | x)). Labels below 0 are unknown.

    Reference:
        Semi-Supervised Learning with Deep Generative Models (Kingma et al., 2014),
        arXiv:1406.5298
    """

    def __call__(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        q: Any = trace.stages[0].q
        costs = cost_of_classes(model, _observed(trace), q.event_shape[0])
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
    rows, features = len(batch), model.encoder(batch.seen)
    y = torch.eye(classes, dtype=batch.x.dtype, device=batch.x.device)
    given = {0: y.repeat_interleave(rows, 0)}
    trace = model.observe(_repeated(batch, classes), 1, given, features=_again(features, classes))
    cost = trace.distortion() - trace.stages[0].p.log_prob(trace.stages[0].z)
    for stage in trace.stages[1:]:
        cost = cost + stage.rate()
    return cost[0].view(classes, rows).T


def labels_of(trace: Trace) -> Tensor:
    """The labels of a batch, (B,); -1 for all where it has none."""
    batch = _observed(trace)
    if batch.y is not None:
        return batch.y
    return torch.full((len(batch),), -1, dtype=torch.int64, device=batch.x.device)


def _repeated(batch: Batch, times: int) -> Batch:
    x = _again(batch.x, times)
    c = None if batch.c is None else _again(batch.c, times)
    return Batch(x, x, c)


def _again(value: Any, times: int) -> Any:
    """Rows so many times over; features may be several tensors."""
    if isinstance(value, tuple):
        return tuple(_again(part, times) for part in value)
    return value.repeat(times, *(1 for _ in value.shape[1:]))


def _observed(trace: Trace) -> Batch:
    if trace.batch is None:
        raise ValueError("A bound needs a trace of observed data.")
    return trace.batch
