"""Many rows through a model, a bounded number at a time, in results that do not depend on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from variata.batch import Batch
from variata.data import Examples
from variata.models import LatentModel
from variata.shapes import numel
from variata.tasks.pieces import FEW, Pieces, halved, measured
from variata.training import forked, on, reseed
from variata.training.allocator import blocks_kept

T = TypeVar("T")
BLOCK = 2**20  # raw likelihood numbers of a block on a processor: arrays that its caches hold
WIDE_BLOCK = 2**21  # and on an accelerator
MOST = 4_096


@contextmanager
def quiet(module: nn.Module, seed: int) -> Iterator[torch.device]:
    """Evaluation and inference mode, with randomness of its own; yields the module's device."""
    device = next(module.parameters()).device
    was_training = module.training
    module.eval()
    try:
        with torch.inference_mode(), forked(device, seed), blocks_kept():
            yield device
    finally:
        module.train(was_training)


def batch_of(module: nn.Module, examples: Examples, rows: range) -> Batch:
    """Some rows where the module is, in its precision."""
    some = next(module.parameters())
    return on(examples.gather(torch.arange(rows.start, rows.stop)), some.device, some.dtype)


def read(
    module: LatentModel, examples: Examples, work: Callable[[Batch], T], keep: Callable[[T], None]
) -> None:
    """Give `keep`, in order, what `work` makes of the rows, as many at a time as is fast and fits.

    Args:
        work: without randomness, so that it makes the same of a row whatever is beside it.

    Raises:
        MemoryError: when there is too little for a single row.
    """
    rows = len(examples)
    with quiet(module, 0) as device:

        def run(part: range) -> T:
            return work(batch_of(module, examples, part))

        few = min(rows, FEW)
        size = few if rows <= FEW else measured(lambda n: run(range(n)), few, device)
        Pieces(size).run(rows, run, keep)


def in_blocks(
    module: LatentModel,
    rows: int,
    seed: int,
    work: Callable[[range], T],
    keep: Callable[[T], None],
    k: int = 1,
) -> None:
    """Give `keep`, in order, what `work` makes of blocks of rows, each with a seed of its own.

    Blocks depend on the model and on the kind of device alone, so that the same seed makes the
    same wherever there is memory for it. Within a block, encoder and decoder take as many rows at
    a time as is fast and fits.

    Args:
        k: draws that `work` makes for every row.

    Raises:
        MemoryError: when there is too little for a single row.
    """
    with quiet(module, seed) as device, _in_parts(module) as limit:
        size = block(outputs(module) * k, device)
        if rows > FEW:
            few = measured(lambda n: _seeded(work, range(n), device, seed), FEW, device)
            limit.rows = k * few
        for start in range(0, rows, size):
            part = range(start, min(start + size, rows))
            keep(_block(part, lambda p: _seeded(work, p, device, seed), limit))


def block(elements: int, device: torch.device) -> int:
    """Rows of a block, when each makes so many raw numbers: a power of two.

    >>> block(784, torch.device("cpu")), block(10**7, torch.device("cpu"))
    (1024, 1)
    """
    numbers = BLOCK if device.type == "cpu" else WIDE_BLOCK
    rows = min(MOST, numbers // max(1, elements))
    return 1 << max(0, rows.bit_length() - 1)


def outputs(module: nn.Module) -> int:
    """Raw likelihood numbers a model makes for one example and one latent."""
    return numel(getattr(getattr(module, "decoder", None), "raw_shape", (1_024,)))


@dataclass
class _Limit:
    """How many rows networks take at a time."""

    rows: int = MOST


class _Parted(nn.Module):
    """A network that takes no more rows at a time than a limit, as long as it makes tensors."""

    def __init__(self, network: nn.Module, limit: _Limit) -> None:
        super().__init__()
        self.network, self.limit = network, limit

    def forward(self, x: Tensor) -> Any:
        if len(x) <= self.limit.rows:
            return self.network(x)
        parts = [self.network(part) for part in x.split(self.limit.rows)]
        return torch.cat(parts) if isinstance(parts[0], Tensor) else self.network(x)


@contextmanager
def _in_parts(module: LatentModel) -> Iterator[_Limit]:
    """The encoder and the decoder's network wrapped, so that they obey a limit."""
    limit, whole = _Limit(), list(_networks(module))
    for owner, name, network in whole:
        setattr(owner, name, _Parted(network, limit))
    try:
        yield limit
    finally:
        for owner, name, network in whole:
            setattr(owner, name, network)


def _networks(module: LatentModel) -> Iterator[tuple[nn.Module, str, nn.Module]]:
    """Whose they are, what they are called there, and the networks."""
    for owner, name in ((module, "encoder"), (module.decoder, "network")):
        network = getattr(owner, name, None)
        if isinstance(network, nn.Module):
            yield owner, name, network


def _seeded(work: Callable[[range], T], part: range, device: torch.device, seed: int) -> T:
    reseed(device, seed, part.start)
    return work(part)


def _block(part: range, work: Callable[[range], T], limit: _Limit) -> T:
    while True:
        try:
            return work(part)
        except (RuntimeError, MemoryError) as error:
            limit.rows = halved(min(limit.rows, len(part)), error)
