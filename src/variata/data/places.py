"""Where variata keeps what it can make or fetch again."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder that VARIATA_CACHE names, else ~/.cache/variata."""
    try:
        return Path(os.environ.get("VARIATA_CACHE") or "~/.cache/variata").expanduser()
    except RuntimeError:  # nobody's home
        return Path(tempfile.gettempdir()) / "variata"
