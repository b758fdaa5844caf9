"""How much memory there is, and how much a pass takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from variata.memory import free


def available(device: torch.device) -> int:
    """Bytes that can still be had on a device: what is free, and what a group of processes may."""
    if device.type == "cuda":
        unused, _ = torch.cuda.mem_get_info(device)
        return unused + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return free()


def bytes_made(work: Callable[[], Any]) -> int:
    """Bytes of all that torch's operations make while `work` runs: at least what it needs at once.

    >>> bytes_made(lambda: torch.zeros(10).add(1).view(2, 5))
    80
    """
    with _Tally() as tally:
        work()
    return tally.total


class _Tally(TorchDispatchMode):
    """Adds up what operations make; views of what was there already make nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        known = set(_storages((args, kwargs)))
        new = {place: size for place, size in _sizes(made) if place not in known}
        self.total += sum(new.values())
        return made


def _storages(values: Any) -> Iterator[int]:
    return (place for place, _ in _sizes(values))


def _sizes(values: Any) -> Iterator[tuple[int, int]]:
    for value in tree_leaves(values):
        if isinstance(value, Tensor):
            storage = value.untyped_storage()
            yield storage.data_ptr(), storage.nbytes()
