"""What a diffusion makes of noise."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from variata.distributions.flow import Flow
from variata.noise import noise


class Diffusion(Flow):
    """The distribution of what a diffusion's equation makes of N(0, I), after other steps.

    Draws solve the equation in a fixed number of steps. `log_prob` is an estimate, not a bound:
    the equation is solved approximately, and the volume change is taken along a few directions,
    which are always the same. See `variata.nn.probability_flow`.

    Args:
        steps: the last is the diffusion.
        like: any tensor (L,), as of a `Flow`.

    >>> from variata.nn import ProbabilityFlow, TimedMLP
    >>> p = Diffusion([ProbabilityFlow(TimedMLP(3, 8, 1), steps=2)], torch.zeros(3))
    >>> p.sample((4,)).shape, p.velocity_error(torch.zeros(4, 3)).shape
    (torch.Size([4, 3]), torch.Size([4]))
    """

    def velocity_error(self, value: Tensor) -> Tensor:
        """A draw of the squared error of the velocity on the way from values (..., N, L) to noise.

        (..., N), no nats: a surrogate, whose mean is least for the distribution of the values.
        """
        *before, diffusion = self.steps
        options: dict[str, Any] = {"dtype": value.dtype, "device": value.device}
        e = noise(torch.randn, value.shape, 1, **options)
        turn = noise(torch.rand, value.shape[:-1], 0, **options)
        rows = value.flatten(0, -2)
        for step in before:
            rows = step(rows)[0]
        found = diffusion.error(rows, e.flatten(0, -2), turn.flatten())  # type: ignore[attr-defined]
        return found.view(turn.shape)

    def __repr__(self) -> str:
        return f"Diffusion(event={tuple(self.event_shape)})"
