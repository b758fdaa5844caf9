"""How much memory the machine, and the group of processes this one is in, still allow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

UNKNOWN = 2 * 2**30  # bytes, where a system does not say
MACHINE, OWN_GROUP, GROUPS = (
    Path("/proc/meminfo"),
    Path("/proc/self/cgroup"),
    Path("/sys/fs/cgroup"),
)
UNLIMITED = 2**60  # what the older kind of group says instead of nothing


def free() -> int:
    """Bytes that this process may still take."""
    return max(0, min([_of_machine(), *_of_groups()]))


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
