"""What a training was made with: versions, and the state of the repository around it."""

from __future__ import annotations

import platform
import subprocess
from typing import Any

import numpy as np
import torch

from variata.version import __version__

SECONDS = 5.0  # that a repository may take to answer


def made_with() -> dict[str, Any]:
    """Versions and, where the working directory is in a git repository, its commit.

    >>> sorted(made_with()["versions"])
    ['numpy', 'python', 'torch', 'variata']
    """
    state = repository()
    return {"versions": versions()} | ({"git": state} if state else {})


def versions() -> dict[str, str]:
    """Of what decides the bits of a training."""
    return {
        "variata": __version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def repository() -> dict[str, Any] | None:
    """The commit and whether tracked files differ from it; None outside of a repository."""
    commit = _git("rev-parse", "HEAD")
    if not commit:
        return None
    return {"commit": commit, "dirty": _git("status", "--porcelain", "-uno") != ""}


def _git(*arguments: str) -> str | None:
    """What git answers; None where there is no git, no repository, or no answer in time."""
    command = ["git", "-c", "core.fsmonitor=false", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
