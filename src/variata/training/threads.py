"""Threads that suit the work: in small networks, waiting costs more than sharing saves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from variata.training.habits import has_convolutions

SMALL = 2e8  # floating-point operations of a step under which one thread is faster


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
