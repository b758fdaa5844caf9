"""The importance-weighted bound."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from variata.models import LatentModel, Trace
from variata.schedules import Moment


@dataclass(frozen=True)
class ImportanceBound:
    """-log mean_k p(x, z_k) / q(z_k | x), (B,), in nats: with K = 1 the negative ELBO.

    It falls towards -log p(x) as K grows. The value is the bound itself, not a surrogate.

    Reference:
        Importance Weighted Autoencoders (Burda et al., 2015), arXiv:1509.00519
    """

    def __call__(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        log_weight = trace.log_weight()
        return math.log(log_weight.shape[0]) - torch.logsumexp(log_weight, 0)
