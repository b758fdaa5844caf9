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
from variata.tasks.products import multiplied, wrapped
from variata.training import forked, on, reseed
from variata.training.allocator import blocks_kept

T = TypeVar("T")
BLOCK = 2**20  # raw likelihood numbers of a block on a processor: arrays that its caches hold
WIDE_BLOCK = 2**21  # and on an accelerator
MOST = 4_096
PIECE = 512  # rows that may be read at a time however few there are;
PIECES = 8  # more are read in several pieces, since memory that is used again costs nothing


@contextmanager
def quiet(module: LatentModel, seed: int, precision: str = "fp32") -> Iterator[torch.device]:
    """Evaluation and inference mode, with randomness of its own; yields the module's device.

    Args:
        precision: of the products of networks, as in `multiplied`.
    """
    device = next(module.parameters()).device
    was_training = module.training
    module.eval()
    try:
        with (
            torch.inference_mode(),
            forked(device, seed),
            blocks_kept(at_end=True),
            multiplied(module, precision),
        ):
            yield device
    finally:
        module.train(was_training)


def batch_of(module: nn.Module, examples: Examples, rows: range) -> Batch:
    """Some rows where the module is, in its precision."""
    some = next(module.parameters())
    return on(examples.gather(torch.arange(rows.start, rows.stop)), some.device, some.dtype)


def read(
    module: LatentModel,
    examples: Examples,
    work: Callable[[Batch], T],
    keep: Callable[[T], None],
    precision: str = "fp32",
) -> None:
    """Give `keep`, in order, what `work` makes of the rows, as many at a time as is fast and fits.

    Args:
        work: without randomness, so that it makes the same of a row whatever is beside it.
        precision: as in `multiplied`.

    Raises:
        MemoryError: when there is too little for a single row.
    """
    rows = len(examples)
    with quiet(module, 0, precision) as device:

        def run(part: range) -> T:
            return work(batch_of(module, examples, part))

        few = min(rows, FEW)
        size = few if rows <= FEW else measured(lambda n: run(range(n)), few, device)
        Pieces(min(size, max(PIECE, rows // PIECES))).run(rows, run, keep)


def in_blocks(
    module: LatentModel,
    rows: int,
    seed: int,
    work: Callable[[range], T],
    keep: Callable[[T], None],
    k: int = 1,
    precision: str = "fp32",
) -> None:
    """Give `keep`, in order, what `work` makes of blocks of rows, each with a seed of its own.

    Blocks depend on the model and on the kind of device alone, so that the same seed makes the
    same wherever there is memory for it. Within a block, encoder and decoder take as many rows at
    a time as is fast and fits.

    Args:
        k: draws that `work` makes for every row.
        precision: as in `multiplied`.

    Raises:
        MemoryError: when there is too little for a single row.
    """
    limit = _Limit()
    with (
        quiet(module, seed, precision) as device,
        wrapped(module, lambda network: _Parted(network, limit)),
    ):
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
        if isinstance(parts[0], tuple):
            return tuple(torch.cat(each) for each in zip(*parts, strict=True))
        return torch.cat(parts) if isinstance(parts[0], Tensor) else self.network(x)


def _seeded(work: Callable[[range], T], part: range, device: torch.device, seed: int) -> T:
    reseed(device, seed, part.start)
    return work(part)


def _block(part: range, work: Callable[[range], T], limit: _Limit) -> T:
    while True:
        try:
            return work(part)
        except (RuntimeError, MemoryError) as error:
            limit.rows = halved(min(limit.rows, len(part)), error)
