"""Densities that a chain of invertible steps makes of N(0, I)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Size, Tensor
from torch.distributions import Distribution
from torch.distributions.constraints import Constraint
from torch.types import _size

from variata.distributions.factorised import ONE_DRAW
from variata.noise import noise


class Step(Protocol):
    """One invertible step."""

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The image of x (..., L), and the logarithm of the volume change, (...)."""
        ...

    def inverse(self, y: Tensor) -> Tensor:
        """The x whose image is y."""
        ...


class Flow(Distribution):
    """The distribution of the x that the steps, one after the other, turn into N(0, I).

    log p(x) = log N(f(x); 0, I) + log |det df/dx|, nats.

    Args:
        steps: the first is applied to x.
        like: any tensor (L,): its size, type and device are the distribution's.

    Reference:
        Variational Inference with Normalizing Flows (Rezende and Mohamed, 2015), arXiv:1505.05770

    >>> p = Flow([], torch.zeros(3))
    >>> round(p.log_prob(torch.zeros(3)).item(), 4)
    -2.7568
    """

    has_rsample = True

    def __init__(self, steps: Sequence[Step], like: Tensor) -> None:
        self.steps, self.like = steps, like
        super().__init__(Size(), like.shape, validate_args=False)

    @property
    def arg_constraints(self) -> dict[str, Constraint]:
        """None: arguments are not validated."""
        return {}

    def log_prob(self, value: Tensor) -> Tensor:
        rows, changes = value.reshape(-1, value.shape[-1]), []  # matrices multiply with less ado
        for step in self.steps:
            rows, change = step(rows)
            changes.append(change)
        normal = -0.5 * (rows.square().sum(-1) + rows.shape[-1] * math.log(2 * math.pi))
        return sum(changes, start=normal).view(value.shape[:-1])

    def rsample(self, sample_shape: _size = ONE_DRAW) -> Tensor:
        shape = self._extended_shape(sample_shape)
        value = noise(torch.randn, shape, 1, dtype=self.like.dtype, device=self.like.device)
        for step in reversed(self.steps):
            value = step.inverse(value)
        return value

    def sample(self, sample_shape: _size = ONE_DRAW) -> Tensor:
        with torch.no_grad():
            return self.rsample(sample_shape)

    def __repr__(self) -> str:
        return f"Flow(steps={len(self.steps)}, event={tuple(self.event_shape)})"
