"""All mass on one vector of a code."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.types import _size

from variata.distributions.factorised import ONE_DRAW, Factorised, outside


class Quantised(Factorised):
    """Mass one on the vector of a code, drawn so that gradients go straight through.

    Unlike a point among real numbers, a code has a probability: log q(z) is 0 at its vector and
    minus infinity elsewhere. So log p(x) >= log p(x | z) + log p(z), with z the code of x.

    Args:
        value: the vector, (K, B, *Z).
        encoded: what it stands for, (K, B, *Z).
        codes: (K, B, S).
        through: what the gradient of a draw goes to; `encoded` unless given.
        event_dim: number of trailing dimensions that form the event.

    Reference:
        Neural Discrete Representation Learning (van den Oord et al., 2017), arXiv:1711.00937

    >>> encoded = torch.tensor([[0.9, 0.2]], requires_grad=True)
    >>> q = Quantised(torch.tensor([[1.0, 0.0]]), encoded, torch.tensor([[1]]))
    >>> z = q.rsample()
    >>> z.sum().backward()
    >>> z.tolist(), encoded.grad, q.log_prob(z).item()
    ([[1.0, 0.0]], tensor([[1., 1.]]), 0.0)
    """

    has_rsample = True

    def __init__(
        self,
        value: Tensor,
        encoded: Tensor,
        codes: Tensor,
        through: Tensor | None = None,
        event_dim: int = 1,
    ) -> None:
        self.value, self.encoded, self.codes = value, encoded, codes
        self.through = encoded if through is None else through
        super().__init__(value.shape, event_dim)

    def log_prob_each(self, value: Tensor) -> Tensor:
        return torch.where(value == self.value, 0.0, -torch.inf).to(self.value)

    def rsample(self, sample_shape: _size = ONE_DRAW) -> Tensor:
        """The vector, with the gradient of the identity, (*sample_shape, K, B, *Z)."""
        straight = self.value.detach() + (self.through - self.through.detach())
        return straight.expand(self._extended_shape(sample_shape))

    def sample(self, sample_shape: _size = ONE_DRAW) -> Tensor:
        return self.value.detach().expand(self._extended_shape(sample_shape))

    def from_normal(self, normal: Tensor) -> Tensor:
        """The vector, whatever the noise."""
        return self.value.expand(normal.shape)

    @property
    def mean(self) -> Tensor:
        return self.value

    @property
    def variance(self) -> Tensor:
        return torch.zeros_like(self.value)

    def support_check(self, value: Tensor) -> str | None:
        return outside(value, value.isfinite(), "values that are not finite")
