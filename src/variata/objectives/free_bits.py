"""A rate of which the first nats of every latent dimension are paid for anyway."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add

from torch import Tensor

from variata.models import LatentModel, Stage, Trace
from variata.schedules import Moment


@dataclass(frozen=True)
class FreeBits:
    """sum_j max(nats, mean over the batch of KL_j), (B,), in nats per example.

    A dimension whose rate is below `nats` has no gradient from here: it may use them without
    paying more, so it is not pressed to zero before the decoder has learned to read it. The mean
    is over K and the rows at hand: those of the batch, or of a piece where a batch is divided.

    Args:
        nats: reserved for every latent dimension; with 0 it is the rate.

    Raises:
        NoDensityError: for a posterior and prior without a closed divergence.

    Reference:
        Improving Variational Inference with Inverse Autoregressive Flow (Kingma et al., 2016),
        arXiv:1606.04934
    """

    nats: float

    def __call__(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        paid = reduce(add, (self._paid(stage) for stage in trace.stages))
        return paid.expand(trace.stages[0].z.shape[1])

    def _paid(self, stage: Stage) -> Tensor:
        return stage.rate_each().mean((0, 1)).clamp_min(self.nats).sum()
