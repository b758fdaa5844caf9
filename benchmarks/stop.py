"""From SIGTERM to the end of the process: how long does a training take to save and end?

    python benchmarks/stop.py [RECIPE ...] [--stops 12] [--data mnist] [--within 40]

Each training of the command line gets SIGTERM after a random time, from its start on (reading,
preparing, trials, compiling, steps, validations, saving) until it has ended. Where something was
begun, `--resume` gets the same in turn, so that several stops fall into one run. The exit code has
to be that of the signal, or 0 where training had ended before it, and a run that was begun has to
go on. While Python starts or ends, a signal kills the process, as any: that is right as long as
nothing was said yet, or the model is saved. A signal waits for the step at hand, whose duration is
part of what is measured.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from common import table, write

RECIPES = ("vae", "deep_vae", "pixel_vae", "vq_vae", "vade", "diffusion", "beta_tc_vae", "iwae")
ENDED = 128 + signal.SIGTERM
PHASES = ("before a step", "at step", "is whole")  # by what is said
OUTSIDE = "outside of training"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("recipes", nargs="*", default=list(RECIPES))
    parser.add_argument("--stops", type=int, default=12, help="of each recipe")
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--within", type=float, default=40.0, help="seconds, of each stop")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    moments, rows = random.Random(asked.seed), []
    for recipe in asked.recipes:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(stopped(recipe, asked, moments, Path(folder)))
        table(rows[-1:])
    print(write("stop", rows, {"stops": asked.stops, "data": asked.data, "seed": asked.seed}))
    raise SystemExit(any(row["wrong"] for row in rows))


def stopped(
    recipe: str, asked: argparse.Namespace, moments: random.Random, folder: Path
) -> dict[str, Any]:
    """One recipe, stopped many times."""
    phases: dict[str, int] = dict.fromkeys((*PHASES, OUTSIDE), 0)
    seconds, wrong, run = list[float](), 0, 0
    while len(seconds) < asked.stops:
        out = folder / str(run)
        begun = (out / "training.json").exists()
        more = ["--resume", str(out)] if begun else [asked.data, "--recipe", recipe]
        more += [] if begun else ["--budget", f"{2 * asked.within:.0f}s", "--out", str(out)]
        code, said, took = once(more, moments.uniform(1.0, asked.within))
        if code == ENDED:
            seconds.append(took)
            phases = {phase: count + (phase in said) for phase, count in phases.items()}
        elif code == -signal.SIGTERM and (not said.strip() or "Saved" in said):
            seconds.append(took)
            phases[OUTSIDE] += 1
        elif code or not (out / "manifest.json").exists():
            wrong += 1
            print(f"{recipe}: exit code {code}: {said}", file=sys.stderr)
        stopped_early = code in (ENDED, -signal.SIGTERM) and "is whole" not in said
        if not stopped_early or (out / "manifest.json").exists():
            run += 1  # this one has come to its end
    figures = {"median s": round(median(seconds), 2), "longest s": round(max(seconds), 2)}
    return {"recipe": recipe, "stops": len(seconds), **figures, **phases, "wrong": wrong}


def once(arguments: list[str], after: float) -> tuple[int, str, float]:
    """Exit code, last words, and seconds from the signal to the end; 0.0 where it ended before."""
    command = [sys.executable, "-m", "variata", "train", *arguments, "--quiet"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            said = process.communicate(timeout=after)[1]
            return process.returncode, said.decode(), 0.0
        except subprocess.TimeoutExpired:
            begun = time.monotonic()
            process.send_signal(signal.SIGTERM)
            said = process.communicate()[1]
            return process.returncode, said.decode(), time.monotonic() - begun


if __name__ == "__main__":
    main()
