"""Kill training at random, again and again: is any run lost, and are its bits those undisturbed?

    python benchmarks/soak.py [--kills 500]

A run is trained once undisturbed. Then runs with the same settings are killed (SIGKILL) and resumed
until they end; the weights of each must be those of the undisturbed run, bit for bit. Half of the
kills come after a random time, half inside of a save: before, after or within one of the calls by
which files are written, moved and removed, of which one is drawn. Every process is forked from this
one, which has imported all.
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
from functools import partial
from pathlib import Path
from typing import Any

import torch
from common import table, write

from variata import atomic, fit
from variata.errors import VariataError
from variata.store import folder as folder_of_models
from variata.tasks import run as run_folder
from variata.tasks.train import resume
from variata.training import checkpoint

ARGUMENTS = {"latent": 4, "hidden": (32,), "epochs": 15, "batch_size": 64, "threads": 1}
SAVE_EVERY = 0.02  # seconds: much of the time is spent saving, where a kill is worst
SHORTEST, LONGEST = 0.02, 0.6  # seconds between a start and a kill
COUNTS: tuple[str, ...] = (
    "kills",
    "inside a save",
    "runs",
    "lost",
    "other bits",
    "kills before a checkpoint",
)
CALLS = 300  # of the save path, one of which is the last
WITHIN = 0.002  # seconds after the start of a call
PLACES: list[tuple[Any, str]] = [  # the save path
    (atomic.tempfile, "mkstemp"),
    (atomic.os, "fsync"),
    (Path, "write_bytes"),
    (Path, "replace"),
    (Path, "unlink"),
    (Path, "mkdir"),
    (checkpoint, "save_file"),
    (folder_of_models, "save_file"),
    (run_folder.shutil, "rmtree"),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    moments = random.Random(options.seed)
    counts = dict.fromkeys(COUNTS, 0)
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
        again = (run / "training.json").exists()
        work = (lambda: resume(run)) if again else (lambda: train(run))
        inside = moments.random() < 0.5
        last = partial(die_in_a_save, moments.randrange(2**32)) if inside else (lambda: None)
        limit = None if inside else moments.uniform(SHORTEST, LONGEST)
        ended = child(work, last, limit)
        if ended is None:
            counts["kills"] += 1
            counts["inside a save"] += inside
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


def die_in_a_save(seed: int) -> None:
    """Let this process kill itself in one of its next calls of the save path."""
    drawn = random.Random(seed)
    left = [int(CALLS ** drawn.random())]
    for place, name in PLACES:
        setattr(place, name, deadly(getattr(place, name), left, drawn))


def deadly(function: Callable[..., Any], left: list[int], drawn: random.Random) -> Any:
    """The function, which kills before, after or within itself when it is its turn."""

    def call(*arguments: Any, **more: Any) -> Any:
        left[0] -= 1
        if left[0]:
            return function(*arguments, **more)
        how = drawn.randrange(3)
        if how == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        if how == 1:
            signal.setitimer(signal.ITIMER_REAL, drawn.uniform(1e-6, WITHIN))
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
        made = function(*arguments, **more)
        os.kill(os.getpid(), signal.SIGKILL)
        return made

    return call


def child(work: Callable[[], object], last: Callable[[], None], limit: float | None) -> int | None:
    """The exit code of `work` in a forked process; None when it was killed."""
    process = os.fork()
    if process == 0:
        code = 1
        last()
        try:
            work()
            code = 0
        except VariataError as error:
            print(error, flush=True)
        finally:
            os._exit(code)
    deadline = time.monotonic() + (60.0 if limit is None else limit)
    while time.monotonic() < deadline:
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            return exit_code(status)
        time.sleep(0.002)
    os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    return exit_code(status)


def exit_code(status: int) -> int | None:
    code = os.waitstatus_to_exitcode(status)
    return None if code in (-signal.SIGKILL, -signal.SIGALRM) else code


def digest(run: Path) -> str:
    return hashlib.sha256((run / "model.safetensors").read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
