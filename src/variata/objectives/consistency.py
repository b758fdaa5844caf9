"""What a class must not depend on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from variata.batch import Batch
from variata.models import LatentModel, Stage, Trace
from variata.schedules import Moment
from variata.shapes import draw_mean


def told_by_level(stages: Sequence[Stage]) -> Tensor:
    """log q(y | x) of a first latent that is a class, (B, C), in nats."""
    q: Any = stages[0].q
    return q.log_probs


@dataclass(frozen=True)
class Consistency:
    """KL(r(y | x) || q(y | x')) where x' is another view of x, (B,), in nats.

    r, proportional to q(y | x)^(1 / temperature), is held fixed: the class of what is seen less
    changed teaches that of what is more.

    Args:
        view: draws x', with torch's global generator.
        told: what the stages of a pass say of the class, log q(y | x) (B, C).
        temperature: below 1, the view is asked to be surer than x is.

    Reference:
        Unsupervised Data Augmentation for Consistency Training (Xie et al., 2019),
        arXiv:1904.12848
    """

    view: Callable[[Batch], Batch]
    told: Callable[[Sequence[Stage]], Tensor] = told_by_level
    temperature: float = 1.0

    def __call__(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        batch = trace.observed
        further = self.view(replace(batch, x=batch.seen))
        other = self.told(model.infer(further, how=draw_mean))
        fixed = (self.told(trace.stages).detach() / self.temperature).log_softmax(-1)
        return (fixed.exp() * (fixed - other)).sum(-1)
