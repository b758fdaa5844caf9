"""How much memory there is, and how much a pass takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

UNKNOWN = 2 * 2**30  # bytes, where a system does not say
MACHINE, OWN_GROUP, GROUPS = (
    Path("/proc/meminfo"),
    Path("/proc/self/cgroup"),
    Path("/sys/fs/cgroup"),
)
UNLIMITED = 2**60  # what the older kind of group says instead of nothing


def available(device: torch.device) -> int:
    """Bytes that can still be had on a device: what is free, and what a group of processes may."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return max(0, min([_of_machine(), *_of_groups()]))


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


def _of_machine() -> int:
    found = re.search(r"^MemAvailable:\s+(\d+) kB", _text(MACHINE), re.MULTILINE)
    return int(found[1]) * 1024 if found else UNKNOWN


def _of_groups() -> Iterator[int]:
    """What each control group that this process is in, or that holds its group, still allows."""
    for line in _text(OWN_GROUP).splitlines():
        _, kinds, path = line.split(":", 2)
        if kinds == "":
            yield from _of_group(GROUPS, path, "memory.max", "memory.current")
        elif "memory" in kinds.split(","):
            older = "memory.limit_in_bytes", "memory.usage_in_bytes"
            yield from _of_group(GROUPS / "memory", path, *older)


def _of_group(root: Path, path: str, limit: str, usage: str) -> Iterator[int]:
    folder = root / path.strip("/")
    for group in (folder, *folder.parents):
        most, used = _text(group / limit).strip(), _text(group / usage).strip()
        if most.isdigit() and used.isdigit() and int(most) < UNLIMITED:
            yield int(most) - int(used) + _given_back(group)
        if group == root:
            return


def _given_back(group: Path) -> int:
    """Bytes of files that the system keeps in memory only as long as nobody needs the room."""
    found = re.search(r"^inactive_file (\d+)", _text(group / "memory.stat"), re.MULTILINE)
    return int(found[1]) if found else 0


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
