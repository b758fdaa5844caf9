"""What metrics need to know of a prior that is not N(0, I)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class KnownPrior:
    """A prior by its density and by draws from it.

    Attributes:
        log_prob: z (N, Z), float64 -> nats, (N,), float64.
        draws: (M, Z), float64.
    """

    log_prob: Callable[[Tensor], Tensor]
    draws: Tensor

    @property
    def mean(self) -> Tensor:
        """Of every dimension, (Z,)."""
        return self.draws.mean(0)

    @property
    def sd(self) -> Tensor:
        """Of every dimension, (Z,)."""
        return self.draws.std(0).clamp_min(1e-6)


def prior_sd(prior: KnownPrior | None) -> Tensor | float:
    """The prior's standard deviation in each dimension, (Z,); 1 for None, which is N(0, I)."""
    return 1.0 if prior is None else prior.sd
