"""Compiled steps that can be compared with those that are not."""

from __future__ import annotations

import shutil
from contextlib import AbstractContextManager

import pytest

NEEDS_COMPILER = pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler")


def same_noise() -> AbstractContextManager[None]:
    """Let compiled code draw the random numbers that it would draw otherwise."""
    import torch._inductor.config

    return torch._inductor.config.patch(fallback_random=True)
