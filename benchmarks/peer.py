"""Ours and the peers that it is compared with: what each needs, and how one is run.

Every peer runs in a process of its own, and in an environment of its own that is made at first use
in `benchmarks/.envs` (from the package index; torch pinned as in `constraints.txt`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent.resolve()
ENVIRONMENTS = HERE / ".envs"
TORCH = "torch==2.13.0"
INSTALLING = 600  # seconds that one package may take


@dataclass(frozen=True)
class Peer:
    """A script of `peers/` with its options.

    Attributes:
        needs: packages of an environment of its own; none for ours.
        tasks: that it can do.
    """

    script: str
    arguments: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ("mlp", "conv")

    def python(self) -> Path:
        """Its interpreter; its environment is made when it is not there."""
        if not self.needs:
            return Path(sys.executable)
        python = ENVIRONMENTS / self.script / "bin" / "python"
        ready = ENVIRONMENTS / self.script / "ready"
        if not ready.exists():
            subprocess.run([sys.executable, "-m", "venv", python.parent.parent], check=True)
            for what in ("numpy", *self.needs):  # in this order: the pinned torch goes first
                install = [python, "-m", "pip", "install", "--quiet", what]
                subprocess.run(install, check=True, timeout=INSTALLING)
            ready.touch()
        return python

    def run(
        self, data: Path, *more: str, here: bool = False, threads: int | None = None
    ) -> dict[str, Any]:
        """One training, in this environment (`here`) or its own; the figures that it prints.

        `threads` are all that there are unless it says otherwise.
        """
        command = [
            sys.executable if here else self.python(),
            HERE / "peers" / f"{self.script}.py",
            data,
        ]
        free = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
        free |= {} if threads is None else {"OMP_NUM_THREADS": str(threads)}
        done = subprocess.run(
            [*map(str, command), *self.arguments, *more],
            capture_output=True,
            text=True,
            check=False,
            env=free,
        )
        if done.returncode:
            raise SystemExit(f"{self.script} failed:\n{done.stderr[-2000:]}")
        return json.loads(done.stdout.strip().splitlines()[-1])


def ours(*arguments: str) -> Peer:
    return Peer("ours", arguments)


def by_hand(precision: str, compiling: str = "off", layout: str = "first") -> Peer:
    return Peer("by_hand", ("--precision", precision, "--compile", compiling, "--layout", layout))


PEERS = {
    "ours": ours(),  # no flag at all
    "ours_fp32": ours("--precision", "fp32"),
    "pythae": Peer("pythae_loop", needs=(TORCH, "pythae==0.1.2")),
    "jax_scan": Peer("jax_scan", needs=("jax", "optax"), tasks=("mlp",)),
    "keras_jax": Peer("keras_jax", needs=("keras>=3.10", "jax"), tasks=("mlp",)),
    "lightning": Peer("lightning_loop", needs=(TORCH, "lightning")),
    "tutorial": Peer("tutorial"),
    "ours_eager": ours("--compile", "off"),
    "ours_compiled": ours("--compile", "on"),
    "ours_fp32_eager": ours("--precision", "fp32", "--compile", "off"),
    "ours_fp32_compiled": ours("--precision", "fp32", "--compile", "on"),
    "by_hand_fp32": by_hand("fp32"),
    "by_hand_onednn": by_hand("onednn"),
    "by_hand_bf16": by_hand("bf16"),
    "by_hand_bf16_last": by_hand("bf16", layout="last"),
    "by_hand_fp32_compiled": by_hand("onednn", "on"),
    "by_hand_bf16_compiled": by_hand("bf16", "on"),
}


def save_data(path: Path, name: str) -> Path:
    """Binary pictures of a catalogue set of digits: `x` to learn from, `test` to measure on."""
    from variata.data import open_source

    values = open_source(name).values[:70_000]
    codes = (values > (127 if values.max() > 1 else 0)).astype(np.uint8).reshape(-1, 784)
    np.savez(path, x=codes[:60_000], test=codes[60_000:])
    return path


def without_test(path: Path, data: Path, rows: int | None = None) -> Path:
    """The same data (its first rows) with none to measure on, where only speed counts."""
    with np.load(data) as arrays:
        np.savez(path, x=arrays["x"][:rows], test=arrays["test"][:0])
    return path
