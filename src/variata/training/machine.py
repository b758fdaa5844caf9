"""How a training uses the machine: decided before its first step, and kept when it is resumed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import nn

from variata.training.allocator import blocks_kept
from variata.training.habits import has_convolutions
from variata.training.precision import chosen_precision, products_by

SMALL = 2e8  # floating-point operations of a step under which one thread is faster


@dataclass(frozen=True)
class How:
    """How steps are computed.

    Attributes:
        threads: of the processor.
        compiled: in one compiled graph (which needs a C++ compiler on a processor).
        batch_size: of the batches that are worth compiling for.
        precision: "fp32", "bf16" (matrix products alone) or "fp64".
        products: the library that multiplies fp32 matrices on a processor: "usual" or "onednn".
        replayed: as one graph of launches, recorded once, where the device is CUDA's.
        channels_last: how kernels of convolutions lie in memory; blocks of weights lie alike.
    """

    threads: int = 1
    compiled: bool = False
    batch_size: int = 0
    precision: str = "fp32"
    products: str = "usual"
    replayed: bool = False
    channels_last: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The choices as plain values."""
        return asdict(self)


EAGER = How()


def usual(
    model: nn.Module,
    batch_size: int,
    device: torch.device | str = "cpu",
    precision: str = "auto",
) -> How:
    """What suits a network before anything is measured: one thread for small work.

    In small networks, waiting for each other costs threads more than sharing saves, and numbers
    take longer to shorten than to multiply.
    """
    large = step_work(model, batch_size) >= SMALL
    threads = torch.get_num_threads() if large else 1
    exact = chosen_precision(precision, torch.device(device), large)
    last = torch.device(device).type == "cuda" and has_convolutions(model)
    return How(threads, False, batch_size, exact, channels_last=last)


def within(how: How, asked: int = 1) -> tuple[How, str]:
    """The same without more threads than were asked for or this machine has; a sentence if so.

    A state may come from a larger machine, or from a file that only says so.

    >>> within(How(threads=1))  # doctest: +ELLIPSIS
    (How(threads=1, ..., channels_last=False), '')
    """
    most = max(asked, os.cpu_count() or 1)
    if how.threads <= most:
        return how, ""
    said = f"Resumed with {most} threads: there were {how.threads}, and this machine has no more."
    return replace(how, threads=most), said


def step_work(model: nn.Module, batch_size: int) -> float:
    """Rough floating-point operations of a step; convolutions count as much as they must.

    >>> step_work(nn.Linear(10, 10), 4)
    2640.0
    """
    if has_convolutions(model):
        return float("inf")
    return 6.0 * batch_size * sum(p.numel() for p in model.parameters())


@contextmanager
def applied(how: How) -> Iterator[None]:
    """Run with these threads and products, and freed memory kept; then put things back."""
    before = torch.get_num_threads()
    torch.set_num_threads(how.threads)
    try:
        with products_by(how.products), blocks_kept():
            yield
    finally:
        torch.set_num_threads(before)
