"""Binary elements."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.types import _size

from variata.distributions.factorised import ONE_DRAW, Factorised, outside, sum_event
from variata.distributions.sums import sum_log_sigmoid

STEPS = 2**16


class Bernoulli(Factorised):
    """Bernoulli elements, parametrised by their logits.

    log p(x) = x * logits - softplus(logits), nats, for x in {0, 1}. The expression is linear in x,
    so that for grey values in [0, 1] it is the cross-entropy, which is no log-likelihood.

    Args:
        logits: log-odds of a one, (K, B, *X).
        event_dim: number of trailing dimensions that form the event.

    Reference: Auto-Encoding Variational Bayes, Kingma & Welling, 2013, arXiv 1312.6114.

    >>> p = Bernoulli(torch.zeros(1, 3, 784))
    >>> round(p.log_prob(torch.ones(3, 784))[0, 0].item() / 784, 4)
    -0.6931
    """

    def __init__(self, logits: Tensor, event_dim: int = 1) -> None:
        self.logits = logits
        super().__init__(logits.shape, event_dim)

    def log_prob_each(self, value: Tensor) -> Tensor:
        # one node for the gradient, where x * logits - softplus(logits) takes three
        logits, value = torch.broadcast_tensors(self.logits, value.to(self.logits.dtype))
        return -binary_cross_entropy_with_logits(logits, value, reduction="none")

    def log_prob(self, value: Tensor) -> Tensor:
        if torch.is_grad_enabled():
            return super().log_prob(value)
        # softplus(l) = relu(l) - log sigmoid(|l|), of which the latter are summed as products
        return sum_log_sigmoid(self.logits, self.event_dim) - self._missed(value)

    def _missed(self, value: Tensor) -> Tensor:
        """Sum over the event of relu(logits) - value * logits, without gradients."""
        logits, value = torch.broadcast_tensors(self.logits, value.to(self.logits.dtype))
        return sum_event(logits.relu().addcmul_(value, logits, value=-1), self.event_dim)

    def sample(self, sample_shape: _size = ONE_DRAW) -> Tensor:
        shape, like = self._extended_shape(sample_shape), self.logits
        with torch.no_grad():  # several times as fast as torch.bernoulli, of the same law
            fine = torch.promote_types(like.dtype, torch.float32)
            if like.device.type == "cpu":
                noise, bar = _steps(shape, fine), self._bar(shape, fine)
            else:
                noise, bar = torch.rand(shape, dtype=fine, device=like.device), self.mean
            return torch.lt(noise, bar, out=noise).to(like.dtype)

    def _bar(self, shape: torch.Size, dtype: torch.dtype) -> Tensor:
        """What `_steps` are under with the probability of a one: its multiple, moved by a part of a
        step that is uniform, so that the law is exact; one part for each event is enough."""
        rows = shape[: len(shape) - self.event_dim]
        part = torch.rand((*rows, *[1] * self.event_dim), dtype=dtype)
        return STEPS * self.mean.to(dtype) - part.add_(STEPS // 2)

    @property
    def mean(self) -> Tensor:
        return self.logits.sigmoid()

    @property
    def variance(self) -> Tensor:
        # not mean * (1 - mean), which loses the small side of a confident element
        return self.logits.sigmoid() * (-self.logits).sigmoid()

    def support_check(self, value: Tensor) -> str | None:
        return outside(value, (value == 0) | (value == 1), "values other than 0 and 1")


def _steps(shape: torch.Size, dtype: torch.dtype) -> Tensor:
    """Whole numbers from -STEPS / 2 to STEPS / 2 - 1, all as likely: four from 64 random bits."""
    words = torch.empty(-(-shape.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
    return words.view(torch.int16)[: shape.numel()].view(shape).to(dtype)
