"""Whether other programs use the processor now, which decides how threads should wait."""

from __future__ import annotations

import time
from pathlib import Path

STAT = Path("/proc/stat")
LOOK = 0.03  # seconds
IDLE = 0.8  # share of the time


def cores_are_idle() -> bool:
    """Whether nearly all cores were idle for a moment; unknown counts as busy."""
    before = _ticks()
    time.sleep(LOOK)
    after = _ticks()
    if before is None or after is None:
        return False
    # ticks are a hundredth of a second, so that a moment may hold none but idle ones
    spent = [b - a for a, b in zip(before, after, strict=True)]
    return sum(spent) > 0 and spent[3] / sum(spent) >= IDLE


def _ticks() -> list[int] | None:
    """user, nice, system, idle, ... of all cores together, as Linux counts them."""
    try:
        return [int(number) for number in STAT.read_text().splitlines()[0].split()[1:]]
    except (OSError, ValueError, IndexError):
        return None
