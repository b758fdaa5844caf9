"""Classes as vectors with a single one, and their relaxation."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.special import log_ndtr
from torch.types import _size

from variata.distributions.factorised import ONE_DRAW, Factorised, outside
from variata.noise import noise

Estimator = Literal["relaxed", "straight", "reinmax"]


class OneHot(Factorised):
    """S independent classes out of C, each a vector of zeros with a one at the class.

    log p(z) = sum over positions of log softmax(logits)[class], nats.

    With a temperature, draws have a gradient. Those of the estimator "relaxed" are
    softmax((logits + Gumbel noise) / temperature), which approaches classes as the temperature
    falls; "straight" are classes with the gradient of these; "reinmax" are classes whose gradient,
    that of 2 softmax at (z + p) / 2 - 1/2 softmax at p, is of second order: exact in the mean for
    what is quadratic in z. Probabilities and divergences are those of the classes, with or without.

    Args:
        logits: (K, B, S, C); the event is of S * C numbers.
        temperature: of relaxed draws, a scalar; None for draws of classes without a gradient.
        estimator: of the gradient, and what draws are.

    References:
        Categorical Reparameterization with Gumbel-Softmax (Jang, Gu and Poole, 2016),
        arXiv:1611.01144
        The Concrete Distribution (Maddison, Mnih and Teh, 2016), arXiv:1611.00712
        Bridging Discrete and Backpropagation: Straight-Through and Beyond (Liu et al., 2023),
        arXiv:2304.08612

    >>> p = OneHot(torch.zeros(3, 2, 4))
    >>> p
    OneHot(batch=(3,), event=(8,), classes=4)
    >>> round(p.log_prob(p.sample())[0].item(), 4)
    -2.7726
    """

    def __init__(
        self,
        logits: Tensor,
        temperature: Tensor | None = None,
        estimator: Estimator = "relaxed",
    ) -> None:
        self.scores, self.temperature = logits.log_softmax(-1), temperature
        self.estimator: Estimator = estimator
        self.has_rsample = temperature is not None
        super().__init__(logits.flatten(-2).shape, 1)

    @property
    def classes(self) -> int:
        """Number of classes C."""
        return self.scores.shape[-1]

    @property
    def log_probs(self) -> Tensor:
        """log p of every class at every position, nats, (K, B, S * C)."""
        return self.scores.flatten(-2)

    @property
    def probs(self) -> Tensor:
        """The probability of every class, (K, B, S * C)."""
        return self.log_probs.exp()

    def log_prob_each(self, value: Tensor) -> Tensor:
        return value * self.log_probs

    def entropy(self) -> Tensor:
        """In nats, (K, B)."""
        return -(self.probs * self.log_probs).sum(-1)

    def rsample(self, sample_shape: _size = ONE_DRAW) -> Tensor:
        """A draw with the gradient of the estimator, (*sample_shape, K, B, S * C)."""
        noisy = self._noisy(sample_shape)
        if self.estimator == "reinmax":
            return _with_gradient(_largest(noisy), self._second_order(noisy))
        relaxed = (noisy if self.temperature is None else noisy / self.temperature).softmax(-1)
        relaxed = relaxed.flatten(-2)
        return relaxed if self.estimator == "relaxed" else _with_gradient(_largest(noisy), relaxed)

    def sample(self, sample_shape: _size = ONE_DRAW) -> Tensor:
        with torch.no_grad():
            return _largest(self._noisy(sample_shape))

    def from_normal(self, normal: Tensor) -> Tensor:
        """The draw that standard normal noise (..., S * C) makes."""
        gumbel = -(-log_ndtr(normal)).log()
        return _largest(self.scores + gumbel.unflatten(-1, self.scores.shape[-2:]))

    @property
    def mean(self) -> Tensor:
        """The probabilities."""
        return self.probs

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def point(self) -> Tensor:
        """The most probable classes, (K, B, S * C)."""
        return _largest(self.scores)

    def support_check(self, value: Tensor) -> str | None:
        return outside(value, (value == 0) | (value == 1), "values other than 0 and 1")

    def _noisy(self, sample_shape: _size) -> Tensor:
        shape = self._extended_shape(sample_shape)
        options = {"dtype": self.scores.dtype, "device": self.scores.device}
        uniform = noise(torch.rand, shape, 1, **options)
        least = torch.finfo(uniform.dtype).tiny
        gumbel = -(-uniform.clamp_min(least).log()).clamp_min(least).log()
        return self.scores + gumbel.unflatten(-1, self.scores.shape[-2:])

    def _second_order(self, noisy: Tensor) -> Tensor:
        """What has the gradient of ReinMax, where the draw is the largest of noisy scores."""
        probs = self.scores.exp()
        middle = (probs.detach() + _ones(noisy)) / 2
        through = middle * (self.scores - (middle * self.scores).sum(-1, keepdim=True))
        return (2 * through - probs / 2).flatten(-2)

    def _extra_repr(self) -> list[str]:
        return [f"classes={self.classes}"]


def _largest(scores: Tensor) -> Tensor:
    """Ones at the largest of the last axis, the last two axes flattened."""
    return _ones(scores).flatten(-2)


def _ones(scores: Tensor) -> Tensor:
    """Ones at the largest of the last axis."""
    return torch.zeros_like(scores).scatter(-1, scores.argmax(-1, keepdim=True), 1.0)


def _with_gradient(value: Tensor, of: Tensor) -> Tensor:
    """A value that has another's gradient."""
    return value + (of - of.detach())
