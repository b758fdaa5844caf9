"""The log-likelihood of held-out examples by importance weights, and bits per dimension."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from variata.errors import UsageError


class LogMeanExp:
    """log (1/K) sum_k exp(w_k), exact, of weights that come in chunks and are never kept.

    One running value per example is held: log-sum-exp of everything so far, taken about the
    largest weight, in float64. The order and the size of the chunks do not matter.

    >>> total = LogMeanExp()
    >>> total.add(torch.tensor([[1.0, 2.0]]))
    >>> total.add(torch.tensor([[1.0, 2.0], [1.0, 2.0]]))
    >>> total.value().float(), total.count
    (tensor([1., 2.]), 3)
    """

    def __init__(self) -> None:
        self.count = 0
        self._total: Tensor | None = None

    def add(self, log_w: Tensor) -> None:
        """Take in a chunk of log weights (k, B)."""
        chunk = log_w.detach().cpu().double().logsumexp(0)
        self._total = chunk if self._total is None else torch.logaddexp(self._total, chunk)
        self.count += log_w.shape[0]

    def value(self) -> Tensor:
        """Return the log of the mean weight so far, (B,) in nats.

        Raises:
            UsageError: nothing was added yet.
        """
        if self._total is None or self.count == 0:
            raise UsageError("LogMeanExp: expected at least one chunk of log weights, got none.")
        return self._total - math.log(self.count)


def streaming_logmeanexp(chunks: Iterable[Tensor]) -> Tensor:
    """Return log (1/K) sum_k exp(w_k) over chunks (k, B) whose k add up to K, (B,) in nats.

    >>> streaming_logmeanexp(torch.zeros(5, 2) for _ in range(3))
    tensor([0., 0.], dtype=torch.float64)
    """
    total = LogMeanExp()
    for chunk in chunks:
        total.add(chunk)
    return total.value()


def importance_bound(log_w: Tensor) -> Tensor:
    """Return the K-sample lower bound of log p(x) from log weights (K, B): (B,) in nats.

    log (1/K) sum_k p(x, z_k) / q(z_k|x): the ELBO for K = 1, never falling in expectation as K
    grows, log p(x) in the limit (Importance Weighted Autoencoders, Burda, Grosse and Salakhutdinov,
    2016, arXiv 1509.00519).

    >>> importance_bound(torch.tensor([[2.0], [2.0]]))
    tensor([2.], dtype=torch.float64)
    """
    return streaming_logmeanexp([log_w])


def bits_per_dim(nats: float, dims: int) -> float:
    """Return nats per example (a negative log-likelihood) as bits per dimension: nats / (D ln 2).

    Raises:
        UsageError: `dims` below 1.

    >>> bits_per_dim(784 * math.log(2), 784)
    1.0
    """
    if dims < 1:
        raise UsageError(f"bits_per_dim: expected dims of at least 1, got {dims}.")
    return float(nats) / (dims * math.log(2))
