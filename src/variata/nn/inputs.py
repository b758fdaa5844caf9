"""What an encoder does to the data first, where its values do not suit a network as they are."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Log1p(nn.Module):
    """log(1 + x): counts span orders of magnitude."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.log1p(x)


class OneHot(nn.Module):
    """Categories to indicators along the first axis of an example, (B, D, ...) to (B, D * C, ...).

    >>> OneHot(3)(torch.tensor([[0.0, 2.0]]))
    tensor([[1., 0., 0., 0., 0., 1.]])
    >>> OneHot(3)(torch.zeros(5, 1, 8, 8)).shape
    torch.Size([5, 3, 8, 8])
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes

    def forward(self, x: Tensor) -> Tensor:
        return F.one_hot(x.long(), self.classes).to(x.dtype).movedim(-1, 2).flatten(1, 2)
