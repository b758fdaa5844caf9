"""What a class must not depend on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from variata.batch import Batch
from variata.models import LatentModel, Trace
from variata.objectives.enumerated import observed
from variata.schedules import Moment
from variata.shapes import spread


@dataclass(frozen=True)
class Consistency:
    """KL(q(y | x) || q(y | x')) where x' is another view of x, (B,), in nats.

    q(y | x) is held fixed: the class of what is seen less changed teaches that of what is more.

    Args:
        view: draws x', with torch's global generator.

    Reference:
        Unsupervised Data Augmentation for Consistency Training (Xie et al., 2019),
        arXiv:1904.12848
    """

    view: Callable[[Batch], Batch]

    def __call__(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        batch, q = observed(trace), trace.stages[0].q
        seen = self.view(replace(batch, x=batch.seen)).seen
        h = None if batch.c is None else spread(batch.c, 1)
        other: Any = model.levels[0].posterior(h, model.encoder(seen))  # type: ignore[operator]
        fixed = q.log_probs.detach()  # type: ignore[union-attr]
        return (fixed.exp() * (fixed - other.log_probs)).sum(-1)
