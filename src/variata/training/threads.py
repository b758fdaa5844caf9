"""Threads that suit the work: in small networks, waiting costs more than sharing saves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

WIDE = 3_000_000  # parameters
SMALL = 2e8  # floating-point operations of a step under which one thread is faster


def has_convolutions(model: nn.Module) -> bool:
    """Whether a network convolves.

    >>> has_convolutions(nn.Sequential(nn.Conv2d(1, 1, 3)))
    True
    """
    return any(isinstance(module, nn.Conv2d) for module in model.modules())


def is_heavy(model: nn.Module) -> bool:
    """Whether a network takes long over each example, as convolutional and very wide ones do.

    >>> is_heavy(nn.Linear(2, 2)), is_heavy(nn.Conv2d(1, 1, 3))
    (False, True)
    """
    return has_convolutions(model) or sum(p.numel() for p in model.parameters()) > WIDE


def step_work(model: nn.Module, batch_size: int) -> float:
    """Rough floating-point operations of a step; convolutions count as much as they must.

    >>> step_work(nn.Linear(10, 10), 4)
    2640.0
    """
    if has_convolutions(model):
        return float("inf")
    return 6.0 * batch_size * sum(p.numel() for p in model.parameters())


@contextmanager
def suited(model: nn.Module, batch_size: int) -> Iterator[None]:
    """Use one thread for small work, and put the number of threads back."""
    before = torch.get_num_threads()
    if step_work(model, batch_size) < SMALL:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
