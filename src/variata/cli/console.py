"""What goes where: results to standard output, everything else to standard error."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Sequence
from typing import Any


def speaks() -> bool:
    """Whether this process speaks: the only one, or the first of those that `torchrun` started."""
    return os.environ.get("RANK", "0") == "0"


def say(text: str) -> None:
    """A line of progress or advice, on standard error."""
    if speaks():
        print(text, file=sys.stderr, flush=True)


def warn(text: str) -> None:
    """A warning, on standard error."""
    say(f"warning: {text}")


def fail(text: str, code: int) -> int:
    """An error, on standard error, of whichever process; returns the exit code."""
    who = "" if speaks() else f"[process {os.environ['RANK']}] "
    print(f"{who}error: {text}", file=sys.stderr, flush=True)
    return code


def emit_json(value: Any) -> None:
    """A result as JSON, on standard output. What is not a number becomes null."""
    print(json.dumps(_plain(value), indent=2, allow_nan=False))


def emit_table(rows: Sequence[Sequence[object]]) -> None:
    """A result as aligned columns, on standard output."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in texts) for i in range(len(texts[0]))] if texts else []
    for row in texts:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        print("  ".join(cells).rstrip())


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
