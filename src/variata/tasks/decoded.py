"""Likelihoods decoded part by part, so that what a network makes of many latents is never kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from variata.models import LatentModel


@contextmanager
def decoded_in_parts(module: LatentModel, pairs: int) -> Iterator[None]:
    """Let the decoder of a model give likelihoods that are made when they are asked for.

    They know `log_prob` alone, for which at most so many pairs of a draw and a row are decoded at a
    time.
    """
    decoder = module.decoder
    module.decoder = _InParts(decoder, pairs)
    try:
        yield
    finally:
        module.decoder = decoder


class _InParts(nn.Module):
    def __init__(self, decoder: nn.Module, pairs: int) -> None:
        super().__init__()
        self.decoder, self.pairs = decoder, pairs

    def forward(self, h: Any) -> Any:
        small = not isinstance(h, Tensor) or h.shape[0] * h.shape[1] <= self.pairs
        return self.decoder(h) if small else _Parts(self.decoder, h, self.pairs)


@dataclass(frozen=True)
class _Parts:
    """p(x | h) for h (K, B, *H), a part of the draws or of the rows at a time."""

    decoder: nn.Module
    h: Tensor
    pairs: int

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value | h), (K, B), nats, of `value` (B, *X)."""
        rows = self.h.shape[1]
        if rows > self.pairs:
            both = zip(self.h.split(self.pairs, 1), value.split(self.pairs), strict=True)
            return torch.cat([self.decoder(h).log_prob(x) for h, x in both], 1)
        parts = self.h.split(self.pairs // rows)
        return torch.cat([self.decoder(h).log_prob(value) for h in parts])
