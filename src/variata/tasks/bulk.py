"""Many rows through a model, a bounded number at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from variata.shapes import numel
from variata.training import forked

MEMORY = 256 * 2**20  # bytes of activations at a time
COPIES = 8  # how many arrays of the output's size a pass holds, roughly


def chunk(elements: int, k: int = 1, memory: int = MEMORY) -> int:
    """How many rows fit at a time, when each makes `k` outputs of `elements` numbers.

    >>> chunk(784), chunk(784, k=500)
    (10699, 21)
    """
    return max(1, memory // (4 * COPIES * max(1, elements) * k))


def chunks(rows: int, elements: int, k: int = 1) -> Iterator[Tensor]:
    """Row numbers, a bounded number at a time."""
    yield from torch.arange(rows).split(min(chunk(elements, k), 2_048))


@contextmanager
def quiet(module: torch.nn.Module, seed: int) -> Iterator[torch.device]:
    """Evaluation and inference mode, with randomness of its own; yields the module's device."""
    device = device_of(module)
    was_training = module.training
    module.eval()
    try:
        with torch.inference_mode(), forked(device, seed):
            yield device
    finally:
        module.train(was_training)


def device_of(module: torch.nn.Module) -> torch.device:
    """Where a module's parameters are."""
    return next(module.parameters()).device


def outputs(module: torch.nn.Module) -> int:
    """Raw likelihood numbers a model makes for one example and one latent."""
    return numel(getattr(getattr(module, "decoder", None), "raw_shape", (1_024,)))
