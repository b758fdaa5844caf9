"""The second moments of the aggregate posterior: should be those of independent dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from variata.errors import NoDensityError
from variata.models import LatentModel, Trace
from variata.schedules import Moment

Kind = Literal["i", "ii"]


@dataclass(frozen=True)
class OffDiagonal:
    """The sum of squared covariances of different latent dimensions, (B,), the same for all rows.

    The covariance is that of the rows at hand: where a batch is divided over processes or taken in
    pieces, that of each piece. It is 0 for a batch of one.

    Attributes:
        kind: "i" for the covariance of the posterior means, "ii" for that of the latents.

    Reference:
        Variational Inference of Disentangled Latent Concepts from Unlabeled Observations
        (Kumar et al., 2017), arXiv:1711.00848
    """

    kind: Kind = "ii"

    def __call__(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        covariance = aggregate_covariance(trace, self.kind)
        off = covariance - torch.diag_embed(covariance.diagonal())
        return off.square().sum().expand(trace.stages[0].z.shape[1])


@dataclass(frozen=True)
class Diagonal:
    """The sum of squared differences of variances from 1, (B,), the same for all rows.

    Variances are those of the rows at hand, as for `OffDiagonal`. The means of a batch of one have
    no variance: kind "i" then is the number of latent dimensions, without a gradient.

    Attributes:
        kind: "i" for the variances of the posterior means, "ii" for those of the latents.

    Reference:
        Variational Inference of Disentangled Latent Concepts from Unlabeled Observations
        (Kumar et al., 2017), arXiv:1711.00848
    """

    kind: Kind = "ii"

    def __call__(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        variances = aggregate_covariance(trace, self.kind).diagonal()
        return (variances - 1).square().sum().expand(trace.stages[0].z.shape[1])


def aggregate_covariance(trace: Trace, kind: Kind = "ii") -> Tensor:
    """Cov over rows of the first posterior's mean, (Z, Z); for kind "ii", plus its mean variance.

    Cov q(z) = E Cov q(z | x) + Cov E q(z | x), unbiased. No draw is needed.

    Raises:
        NoDensityError: when the first level has no posterior.
    """
    q = trace.stages[0].q
    if q is None:
        raise NoDensityError("This latent was given or imagined, so it has no posterior.")
    mean, rows = q.mean.flatten(1), q.mean.shape[0]
    centred = mean - mean.mean(0)
    # no product of matrices, which may be in short numbers
    covariance = (centred[:, :, None] * centred[:, None]).sum(0) / max(1, rows - 1)
    if kind == "i":
        return covariance
    return covariance + torch.diag_embed(q.variance.flatten(1).mean(0))
