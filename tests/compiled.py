"""Steps that are compiled."""

from __future__ import annotations

import shutil

import pytest

NEEDS_COMPILER = pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler")
