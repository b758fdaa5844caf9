"""A rate that is held at a number of nats, which rises while training."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from variata.models import LatentModel, Trace
from variata.schedules import Moment, Schedule


@dataclass(frozen=True)
class Capacity:
    """|KL(q(z | x) || p(z)) - C|, (K, B), in nats per example, with C = nats(moment).

    It is taken for every example, as the paper writes it, and not of the mean over a batch: so it
    depends neither on the size of batches nor on who shares one, and pieces of a batch have the
    gradient of the whole.

    Args:
        nats: C over the training.
        level: whose rate is held; None for that of all levels together.

    References:
        Understanding disentangling in beta-VAE (Burgess et al., 2018), arXiv:1804.03599
        Learning Disentangled Joint Continuous and Discrete Representations (Dupont, 2018),
        arXiv:1804.00104
    """

    nats: Schedule
    level: int | None = None

    def __call__(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        rate = trace.rate() if self.level is None else trace.stages[self.level].rate()
        return (rate - self.nats(moment)).abs()
