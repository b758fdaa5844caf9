"""Elements that are one of C classes."""

from __future__ import annotations

import torch
from torch import Size, Tensor
from torch.types import _size

from variata.distributions.factorised import ONE_DRAW, Factorised, outside


class Categorical(Factorised):
    """Categorical elements; a value is the class's number, 0 to C - 1, stored as a float.

    log p(x) = log softmax(logits)[x], nats.

    Args:
        logits: (K, B, *X, C): the class axis is the last and no part of the event.
        event_dim: number of trailing dimensions of (K, B, *X) that form the event.

    Reference: Categorical Reparameterization with Gumbel-Softmax, Jang, Gu & Poole, 2016,
    arXiv 1611.01144 (for categorical latents).

    >>> p = Categorical(torch.zeros(1, 3, 2, 4))
    >>> p
    Categorical(batch=(1, 3), event=(2,), classes=4)
    >>> round(p.log_prob(torch.ones(3, 2))[0, 0].item(), 4)
    -2.7726
    """

    def __init__(self, logits: Tensor, event_dim: int = 1) -> None:
        self.logits = logits
        super().__init__(logits.shape[:-1], event_dim)

    @property
    def classes(self) -> int:
        """Number of classes C."""
        return self.logits.shape[-1]

    @property
    def probs(self) -> Tensor:
        """Probability of every class, (K, B, *X, C)."""
        return self.logits.softmax(-1)

    def log_prob_each(self, value: Tensor) -> Tensor:
        log_probs = self.logits.log_softmax(-1)
        shape = torch.broadcast_shapes(value.shape, log_probs.shape[:-1])
        index = value.long().expand(shape).unsqueeze(-1)
        return log_probs.expand(*shape, self.classes).gather(-1, index).squeeze(-1)

    def sample(self, sample_shape: _size = ONE_DRAW) -> Tensor:
        shape = self._extended_shape(sample_shape)
        with torch.no_grad():
            rows = self.probs.reshape(-1, self.classes)
            draws = torch.multinomial(rows, Size(sample_shape).numel(), replacement=True)
        return draws.T.reshape(shape).to(self.logits.dtype)

    @property
    def mean(self) -> Tensor:
        """Expected class number; of use only where the classes are ordered."""
        return self.probs @ self._codes()

    @property
    def variance(self) -> Tensor:
        apart = self._codes() - self.mean.unsqueeze(-1)
        return (self.probs * apart.square()).sum(-1)

    def point(self) -> Tensor:
        """The most probable class: a mean of class numbers names no class."""
        return self.logits.argmax(-1).to(self.logits.dtype)

    def support_check(self, value: Tensor) -> str | None:
        inside = (value >= 0) & (value < self.classes) & (value == value.round())
        return outside(value, inside, f"values other than the classes 0 to {self.classes - 1}")

    def _codes(self) -> Tensor:
        return torch.arange(self.classes, dtype=self.logits.dtype, device=self.logits.device)

    def _extra_repr(self) -> list[str]:
        return [f"classes={self.classes}"]
