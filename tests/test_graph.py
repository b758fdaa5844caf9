"""A function of tensors becomes one compiled graph."""

from __future__ import annotations

import torch
from torch import Tensor

from compiled import NEEDS_COMPILER
from variata.training.graph import graph_of


@NEEDS_COMPILER
def test_sums_in_bf16_may_be_taken_twice() -> None:
    """As gradients of two biases that are added are."""

    def sums(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        return x.sum(0), x.sum(0), x.float().sum(0) + y, x.sum(1), (x + 1).sum(0)

    x, y = torch.randint(-3, 4, (32, 32)).bfloat16(), torch.randn(32)
    torch.testing.assert_close(graph_of(sums, [x, y])(x, y), list(sums(x, y)))


@NEEDS_COMPILER
def test_tensors_may_be_changed_in_place_between_two_sums() -> None:
    def sums(x: Tensor, total: Tensor) -> tuple[Tensor, ...]:
        before = x.sum(0)
        x.add_(1)
        total.copy_(x.sum(0))
        return before, x.sum(0)

    x, own = torch.zeros(4, 3), torch.zeros(4, 3)
    total, other = torch.zeros(3), torch.zeros(3)
    run = graph_of(sums, [x, total])
    torch.testing.assert_close(run(x, total), list(sums(own, other)))
    torch.testing.assert_close((x, total), (own, other))
