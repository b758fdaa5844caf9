"""What a training frees is kept for its next step, and given back at its end."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from variata.training import allocator

FAULTS = """
import resource, sys
import torch
from contextlib import nullcontext
from variata.training.allocator import blocks_kept

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

with blocks_kept() if sys.argv[1] == "kept" else nullcontext():
    for i in range(20):
        blocks = [torch.ones(400_000) for _ in range(4)]
        del blocks
        if i == 9:
            before = faults()
    print(faults() - before)
"""


def faults(how: str, **environment: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", FAULTS, how],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | environment,
    )
    return int(done.stdout)


@pytest.mark.skipif(allocator._glibc() is None, reason="no glibc, or told how to allocate")
def test_a_step_takes_the_memory_that_the_last_one_freed() -> None:
    """Ten rounds of 6.4 MB are 16,000 pages where each is fetched anew."""
    assert faults("kept") < 200
    assert faults("kept", MALLOC_MMAP_THRESHOLD_="131072") > 10_000, "what is said is obeyed"


def test_only_the_outermost_changes_and_restores(monkeypatch: pytest.MonkeyPatch) -> None:
    class Library:
        calls: list[tuple[int, int]] = []

        def mallopt(self, name: int, value: int) -> None:
            self.calls.append((name, value))

        def malloc_trim(self, pad: int) -> None:
            self.calls.append((0, pad))

    library = Library()
    monkeypatch.setattr(allocator, "_glibc", lambda: library)
    with allocator.blocks_kept():
        assert library.calls == list(allocator.KEEP.items())
        with pytest.raises(RuntimeError), allocator.blocks_kept():
            raise RuntimeError
        assert len(library.calls) == 3
    assert library.calls[3:] == [*allocator.USUAL.items(), (0, 0)]
