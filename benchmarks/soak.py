"""Kill training at random, again and again: is any run lost, and are its bits those undisturbed?

    python benchmarks/soak.py [--kills 500]

A run is trained once undisturbed. Then runs with the same settings are killed (SIGKILL) after
random moments, during steps and while saving, and resumed until they end; the weights of each must
be those of the undisturbed run, bit for bit. Every process is forked from this one, which has
imported all.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from common import table, write

from variata import fit
from variata.errors import VariataError
from variata.tasks.train import resume

ARGUMENTS = {"latent": 4, "hidden": (32,), "epochs": 15, "batch_size": 64, "threads": 1}
SAVE_EVERY = 0.02  # seconds: much of the time is spent saving, where a kill is worst
SHORTEST, LONGEST = 0.02, 0.6  # seconds between a start and a kill


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    moments = random.Random(options.seed)
    counts = {"kills": 0, "runs": 0, "lost": 0, "other bits": 0, "kills before a checkpoint": 0}
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        expected = undisturbed(Path(folder) / "undisturbed")
        while counts["kills"] < options.kills:
            one_run(Path(folder) / "run", expected, moments, counts)
    row = counts | {"seconds": round(time.perf_counter() - begun, 1)}
    table([row])
    print(write("soak", [row], {"kills": options.kills, "seed": options.seed}))
    raise SystemExit(bool(counts["lost"] or counts["other bits"]))


def undisturbed(run: Path) -> str:
    """The digest of the weights when nothing happens; here, so that all imports are done."""
    train(run)
    return digest(run)


def one_run(run: Path, expected: str, moments: random.Random, counts: dict[str, int]) -> None:
    """Start a run, and kill and resume it until it ends."""
    shutil.rmtree(run, ignore_errors=True)
    counts["runs"] += 1
    while True:
        begun = (run / "checkpoint").is_dir() and any((run / "checkpoint").glob("*.json"))
        if not begun and run.is_dir() and not (run / "manifest.json").exists():
            counts["kills before a checkpoint"] += 1
            if not (run / "training.json").exists():
                shutil.rmtree(run)
        again = (run / "training.json").exists()
        work = (lambda: resume(run)) if again else (lambda: train(run))
        ended = child(work, moments.uniform(SHORTEST, LONGEST))
        if ended is None:
            counts["kills"] += 1
            if (run / "manifest.json").exists():  # saved whole, killed while tidying up
                break
            continue
        if ended != 0:
            counts["lost"] += 1
            return
        break
    counts["other bits"] += digest(run) != expected


def train(run: Path) -> None:
    fit("digits", out=run, save_every=SAVE_EVERY, **ARGUMENTS)


def child(work: Callable[[], object], kill_after: float) -> int | None:
    """The exit code of `work` in a forked process; None when it was killed."""
    process = os.fork()
    if process == 0:
        code = 1
        try:
            work()
            code = 0
        except VariataError as error:
            print(error, flush=True)
        finally:
            os._exit(code)
    deadline = time.monotonic() + kill_after
    while time.monotonic() < deadline:
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    code = os.waitstatus_to_exitcode(status)
    return None if code == -signal.SIGKILL else code


def digest(run: Path) -> str:
    return hashlib.sha256((run / "model.safetensors").read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
