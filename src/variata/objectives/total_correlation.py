"""The rate in three parts: what tells examples apart, what ties dimensions, what leaves the prior.

E KL(q(z | x) || p(z)) = I_q(x; z) + KL(q(z) || prod_d q(z_d)) + sum_d KL(q(z_d) || p(z_d)) for a
prior whose dimensions are independent. q(z) is estimated from the rows of a batch, see
`aggregate_log_densities`: where a batch is divided over processes or taken in pieces, from those of
each piece. The three estimates sum to `Rate` to the last digit, whatever the batch.

Reference:
    Isolating Sources of Disentanglement in Variational Autoencoders (Chen et al., 2018),
    arXiv:1802.04942
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from variata.models import LatentModel, Trace
from variata.objectives.aggregate import aggregate_log_densities
from variata.schedules import Moment


@dataclass(frozen=True)
class MutualInformation:
    """I_q(x; z) = E log q(z | x) / q(z), (K, B), in nats per example; at most log N.

    Attributes:
        rows: of the training data, N; None takes each batch for all there is.
    """

    rows: int | None = None

    def __call__(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        q = aggregate_log_densities(trace, self.rows)
        return q.own - q.joint


@dataclass(frozen=True)
class TotalCorrelation:
    """KL(q(z) || prod_d q(z_d)) = E log q(z) / prod_d q(z_d), (K, B), in nats per example.

    Zero where the latent dimensions are independent of each other, and in a batch of one.

    Attributes:
        rows: of the training data, N; None takes each batch for all there is.
    """

    rows: int | None = None

    def __call__(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        q = aggregate_log_densities(trace, self.rows)
        return q.joint - q.marginals


@dataclass(frozen=True)
class DimensionKL:
    """sum_d KL(q(z_d) || p(z_d)), (K, B), in nats per example.

    The closed rate stands in for log q(z | x) - log p(z) at the draw. Both have the same mean, and
    the closed one has far less noise and makes the three parts sum to it.

    Attributes:
        rows: of the training data, N; None takes each batch for all there is.
    """

    rows: int | None = None

    def __call__(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        q = aggregate_log_densities(trace, self.rows)
        return trace.stages[0].rate() - (q.own - q.marginals)
