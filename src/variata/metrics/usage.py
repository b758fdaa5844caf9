"""Which codes are in use, and how evenly."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Usage:
    """How a set of examples uses the codes.

    Attributes:
        size: how many codes there are at a position.
        positions: of an example.
        used: share of the codes that occur, at any position.
        perplexity: exp of the entropy of the codes, all positions together: as many codes, used
            evenly, would be as hard to guess.
    """

    size: int
    positions: int
    used: float
    perplexity: float

    @classmethod
    def of(cls, counts: Tensor, positions: int) -> Usage:
        """From how often each code occurs, (K,).

        >>> Usage.of(torch.tensor([2, 2, 0, 0]), positions=1)
        Usage(size=4, positions=1, used=0.5, perplexity=2.0)
        """
        share = counts.double() / counts.sum().clamp_min(1)
        entropy = -torch.special.xlogy(share, share).sum()
        used = float((counts > 0).double().mean())
        return cls(len(counts), positions, used, round(float(entropy.exp()), 9))

    def as_dict(self) -> dict[str, float]:
        """The figures by name."""
        return asdict(self)
