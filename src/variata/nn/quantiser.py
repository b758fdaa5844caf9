"""What turns latents into codes and back."""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variata.errors import UsageError

MOST = 2**16  # codes at a position: a prior has a probability for each


class Quantiser(Protocol):
    """Latents (..., L) to codes (..., S), whole numbers below `size`, and back.

    Attributes:
        length: S, positions of a latent.
        size: how many codes there are at each.
    """

    length: int
    size: int

    def quantise(self, encoded: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What gradients go through, its nearest vector (both (..., L)), and its codes (..., S)."""
        ...

    def codes(self, z: Tensor) -> Tensor:
        """The codes of latents, (..., S)."""
        ...

    def vectors(self, codes: Tensor) -> Tensor:
        """The latents of codes, (..., L)."""
        ...


def positions(latent: int, width: int, name: str) -> int:
    """How many codes of a width a latent has.

    Raises:
        UsageError: when they do not fill it.

    >>> positions(40, 4, "width")
    10
    """
    if latent % width:
        raise UsageError(
            f"latent={latent} cannot be divided into codes of {name}={width}: give a multiple of "
            f"{width}, such as {width * (latent // width + 1)}."
        )
    return latent // width


class ScalarGrid(nn.Module):
    """Every number is rounded to one of a few levels; those of a position make up its code.

    Args:
        levels: of every number, which lie evenly from -1 to 1 (to 1 - 2 / levels where even).
        width: numbers of a position.
        latent: L.

    Raises:
        UsageError: for a latent that is no multiple of the width, or too many codes.

    Reference:
        Finite Scalar Quantization: VQ-VAE Made Simple (Mentzer et al., 2023), arXiv:2309.15505

    >>> grid = ScalarGrid(5, 2, latent=4)
    >>> grid.vectors(torch.tensor([[0, 24]]))
    tensor([[-1., -1.,  1.,  1.]])
    >>> grid.codes(torch.tensor([[-1.0, -1.0, 1.0, 1.0]]))
    tensor([[ 0, 24]])
    """

    def __init__(self, levels: int, width: int, latent: int) -> None:
        super().__init__()
        self.levels, self.width = levels, width
        self.length, self.size = positions(latent, width, "width"), levels**width
        if self.size > MOST:
            raise UsageError(
                f"{levels} levels in each of {width} numbers are {self.size:,} codes at a "
                f"position, more than {MOST:,}: take fewer levels, or a smaller width."
            )

    def quantise(self, encoded: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See `Quantiser`: numbers of any size are bounded smoothly, then rounded."""
        half = (self.levels - 1) * 1.001 / 2
        offset = 0.0 if self.levels % 2 else 0.5
        shift = math.atanh(offset / half) if self.levels > 2 else 0.0  # two part at 0
        bounded = (torch.tanh(encoded + shift) * half - offset) / (self.levels // 2)
        value = self._rounded(bounded) / (self.levels // 2)
        return bounded, value.detach(), self.codes(value)

    def codes(self, z: Tensor) -> Tensor:
        """See `Quantiser`."""
        digits = self._rounded(z).long() + self.levels // 2
        return (digits.unflatten(-1, (self.length, self.width)) * self._places(z)).sum(-1)

    def vectors(self, codes: Tensor) -> Tensor:
        """See `Quantiser`."""
        digits = codes.unsqueeze(-1) // self._places(codes) % self.levels
        return ((digits - self.levels // 2) / (self.levels // 2)).flatten(-2)

    def _rounded(self, z: Tensor) -> Tensor:
        lowest = -(self.levels // 2)
        return (z * (self.levels // 2)).round().clamp(lowest, lowest + self.levels - 1)

    def _places(self, like: Tensor) -> Tensor:
        return self.levels ** torch.arange(self.width, device=like.device)


class OneHotCodes(nn.Module):
    """Every position is a vector with a one at its code and zeros elsewhere.

    Args:
        classes: codes at a position. latent: L.

    >>> OneHotCodes(3, 6).vectors(torch.tensor([2, 0]))
    tensor([0., 0., 1., 1., 0., 0.])
    """

    def __init__(self, classes: int, latent: int) -> None:
        super().__init__()
        self.length, self.size = positions(latent, classes, "classes"), classes

    def quantise(self, encoded: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See `Quantiser`."""
        codes = self.codes(encoded)
        return encoded, self.vectors(codes).to(encoded), codes

    def codes(self, z: Tensor) -> Tensor:
        """See `Quantiser`: the largest entry of each position."""
        return self.shares(z).argmax(-1)

    def shares(self, z: Tensor) -> Tensor:
        """The share of every code at every position, (..., S, V)."""
        return z.unflatten(-1, (self.length, self.size))

    def vectors(self, codes: Tensor) -> Tensor:
        """See `Quantiser`."""
        return F.one_hot(codes, self.size).flatten(-2).to(torch.get_default_dtype())
