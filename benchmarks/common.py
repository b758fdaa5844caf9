"""What every benchmark shares: how it runs the command line, and what it writes down."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def variata(*arguments: str) -> tuple[str, float]:
    """Run the command line; returns its standard output and its seconds, start and all."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "variata", *arguments], check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout, time.monotonic() - started


def write(name: str, rows: list[dict[str, Any]], settings: dict[str, Any]) -> Path:
    """Write rows with their settings, versions and machine to `results/NAME.json`."""
    import numpy
    import torch

    RESULTS.mkdir(exist_ok=True)
    record = {
        "settings": settings,
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": numpy.__version__,
        },
        "machine": {"processor": processor(), "cores": os.cpu_count()},
        "rows": rows,
    }
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(record, indent=2) + "\n")
    return path


def table(rows: list[dict[str, Any]]) -> None:
    """Print rows as aligned columns."""
    heads = list(rows[0])
    lines = [heads, *[[_text(row.get(head)) for head in heads] for row in rows]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)))


def processor() -> str:
    """The kind of processor."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
