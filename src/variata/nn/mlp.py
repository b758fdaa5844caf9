"""Fully connected networks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variata.errors import UsageError
from variata.shapes import Shape, numel

QUIET = 0.1


class Dense(nn.Module):
    """A linear layer and SiLU; a residual connection wherever the width stays the same."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.residual = inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = F.silu(self.linear(x))
        return x + y if self.residual else y


def stack(inputs: int, hidden: Sequence[int]) -> nn.Sequential:
    """Dense layers of the given widths."""
    if not hidden or min(hidden) < 1:
        raise UsageError(f"hidden needs one or more positive widths, got {list(hidden)}.")
    widths = [inputs, *hidden]
    return nn.Sequential(*(Dense(a, b) for a, b in pairwise(widths)))


class MLPEncoder(nn.Module):
    """Examples (B, *X) to features (B, hidden[-1]).

    >>> MLPEncoder((1, 8, 8), hidden=(32, 32))(torch.zeros(5, 1, 8, 8)).shape
    torch.Size([5, 32])
    """

    def __init__(self, shape: Shape, hidden: Sequence[int]) -> None:
        super().__init__()
        self.layers = stack(numel(shape), hidden)
        self.features = hidden[-1]

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x.flatten(1))


class MLPDecoder(nn.Module):
    """Latents (N, *Z) to raw likelihood parameters (N, P, *X)."""

    def __init__(self, inputs: int, shape: Shape, parameters: int, hidden: Sequence[int]) -> None:
        super().__init__()
        self.shape = (parameters, *shape)
        self.layers = stack(inputs, hidden)
        self.output = nn.Linear(hidden[-1], numel(self.shape))
        with torch.no_grad():  # so that an untrained decoder says little more than its bias
            self.output.weight.mul_(QUIET)

    def forward(self, z: Tensor) -> Tensor:
        return self.output(self.layers(z.flatten(1))).unflatten(1, self.shape)

    @torch.no_grad()
    def start_at(self, raw: Tensor, gain: float = 1.0) -> None:
        """Make `raw` (P, *X) the output for features of zero, and weigh others by `gain`."""
        self.output.weight.mul_(gain)
        self.output.bias.copy_(raw.flatten())
