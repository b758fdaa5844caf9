"""What holds encodings and the vectors of their codes together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from variata.distributions import Quantised
from variata.models import LatentModel, Trace
from variata.schedules import Moment


@dataclass(frozen=True)
class Commitment:
    """|e - sg(v)|^2 over all levels, (K, B): encodings e stay near the vectors v of their codes.

    It is summed over latent dimensions and belongs to an example, as nats do: its weight means the
    same whatever the size of batches.

    Reference:
        Neural Discrete Representation Learning (van den Oord et al., 2017), arXiv:1711.00937
    """

    def __call__(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        return _summed(trace, lambda q: q.encoded - q.value.detach())


@dataclass(frozen=True)
class CodebookError:
    """|sg(e) - v|^2 over all levels, (K, B): vectors v move to the encodings e that take them.

    Reference:
        Neural Discrete Representation Learning (van den Oord et al., 2017), arXiv:1711.00937
    """

    def __call__(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        return _summed(trace, lambda q: q.encoded.detach() - q.value)


def _summed(trace: Trace, apart: Callable[[Quantised], Tensor]) -> Tensor:
    total = trace.stages[0].z.new_zeros(trace.stages[0].z.shape[:2])
    for stage in trace.stages:
        if isinstance(stage.q, Quantised):
            total = total + apart(stage.q).square().sum(-1)
    return total
