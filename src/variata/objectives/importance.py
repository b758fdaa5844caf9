"""The importance-weighted bound."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from variata.errors import UsageError
from variata.models import LatentModel, Trace
from variata.schedules import Moment


@dataclass(frozen=True)
class ImportanceBound:
    """-log mean_k p(x, z_k) / q(z_k | x), (B,), in nats: with K = 1 the negative ELBO.

    It falls towards -log p(x) as K grows. The value is the bound itself, not a surrogate.

    Args:
        groups: M, into which the K draws are divided: the mean of M bounds of K / M draws each,
            whose gradient has less noise than that of one such bound (MIWAE of Rainforth et al.).

    Reference:
        Importance Weighted Autoencoders (Burda et al., 2015), arXiv:1509.00519
    """

    groups: int = 1

    def __call__(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        return -log_mean_weight(grouped(trace.log_weight(), self.groups)).mean(0)


def grouped(log_weight: Tensor, groups: int) -> Tensor:
    """(K, B) to (M, K / M, B): neighbours on the axis of draws share a group.

    Raises:
        UsageError: when the draws cannot be divided evenly.

    >>> grouped(torch.zeros(6, 4), 2).shape
    torch.Size([2, 3, 4])
    """
    if log_weight.shape[0] % groups:
        raise UsageError(
            f"{log_weight.shape[0]} draws cannot be divided into {groups} groups: let the "
            "objective's samples be a multiple of the groups."
        )
    return log_weight.unflatten(0, (groups, -1))


def log_mean_weight(log_weight: Tensor) -> Tensor:
    """log of the mean weight over the draws (..., K, B), which gives (..., B), in nats."""
    return torch.logsumexp(log_weight, -2) - math.log(log_weight.shape[-2])
