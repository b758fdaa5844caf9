"""Several processes as one training, through torch.distributed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn

from variata.errors import UsageError
from variata.noise import Place

PATIENCE = timedelta(hours=6)  # of those who wait while the first reads and decodes the data


@dataclass(frozen=True)
class Processes:
    """Which of how many processes this is. All hold the same weights and take the same steps.

    Every process takes its part of each batch; gradients are averaged by rows, player by player, so
    that a step is that of the whole batch, with the same noise for each row.

    Attributes:
        rank: of this process, from 0.
        count: of all.
    """

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this process speaks and writes for all."""
        return self.rank == 0

    def place(self, rows: int) -> Place:
        """The part of a batch that this process takes.

        >>> [Processes(i, 2).place(5) for i in range(2)]
        [Place(start=0, stop=2, total=5), Place(start=2, stop=5, total=5)]
        """
        edges = (self.rank * rows // self.count, (self.rank + 1) * rows // self.count)
        return Place(*edges, rows)

    def summed(self, values: Tensor) -> Tensor:
        """The sum of these over all processes, in their place."""
        if self.count > 1:
            distributed.all_reduce(values)
        return values

    def agreed(self, progress: float, stop: int, device: torch.device) -> tuple[float, int]:
        """The first process's progress, and the largest request to stop."""
        if self.count == 1:
            return progress, stop
        told = torch.tensor([progress if self.first else 0.0, stop], dtype=torch.float64)
        told = told.to(device, torch.float32 if device.type == "mps" else torch.float64)
        distributed.all_reduce(told, op=distributed.ReduceOp.MAX)
        return float(told[0]), int(told[1])

    def alike(self, number: int, device: torch.device) -> bool:
        """Whether all processes have the same number; waits until all have come here."""
        if self.count == 1:
            return True
        both = torch.tensor([number, -number], dtype=torch.int64, device=device)
        distributed.all_reduce(both, op=distributed.ReduceOp.MAX)
        return int(both[0]) == -int(both[1])

    @contextmanager
    def in_turn(self, device: torch.device) -> Iterator[None]:
        """The first process goes first, so that the others find what it has left on disk."""
        if not self.first:
            self.alike(0, device)
        yield
        if self.first:
            self.alike(0, device)

    def share(self, module: nn.Module) -> None:
        """Give all processes the first one's weights."""
        if self.count > 1:
            for tensor in module.state_dict().values():
                distributed.broadcast(tensor, 0)

    def check(self, batch_size: int) -> None:
        """Raise UsageError when a batch may be too small to be divided."""
        if self.count > 1 and batch_size < 2 * self.count:
            raise UsageError(
                f"{self.count} processes need a batch size of at least {2 * self.count}, got "
                f"{batch_size}: give a larger --batch-size or start fewer processes."
            )


ALONE = Processes()


def wanted(environment: Mapping[str, str]) -> int:
    """How many processes `torchrun` started.

    >>> wanted({"WORLD_SIZE": "4", "RANK": "1", "MASTER_ADDR": "localhost"}), wanted({})
    (4, 1)
    """
    return int(environment["WORLD_SIZE"]) if {"RANK", "WORLD_SIZE"} <= set(environment) else 1


@contextmanager
def joined(device: torch.device) -> Iterator[Processes]:
    """Join the processes that `torchrun` started, or those that the caller has joined already.

    Yields:
        This process among them; alone where there are no others.
    """
    if distributed.is_available() and distributed.is_initialized():
        yield Processes(distributed.get_rank(), distributed.get_world_size())
    elif wanted(os.environ) == 1:
        yield ALONE
    else:
        backend = "nccl" if device.type == "cuda" else "gloo"
        distributed.init_process_group(backend, timeout=PATIENCE)
        try:
            yield Processes(distributed.get_rank(), distributed.get_world_size())
        finally:
            distributed.destroy_process_group()
