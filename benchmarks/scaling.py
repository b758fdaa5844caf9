"""What training costs as data, latents, depth, draws and processes grow.

    python benchmarks/scaling.py [--what rows latent depth draws processes]

Each row changes one thing and keeps the rest; figures are examples per second of whole trainings
(validation and reports counted), and the ratio to the first row of its kind. `processes` compares
one process of two threads with two processes of one thread each, on the convolutional network for
MNIST in fp32: interleaved runs of `--seconds` each, and the median of their reports but the first.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from common import table, write

from variata import recipes
from variata.data import Examples, infer_schema
from variata.objectives import ImportanceBound, Objective
from variata.schedules import constant
from variata.training import Phase, Settings, fit

WIDTH, BATCH = 784, 256
EXAMPLES = 60_000  # shown in each training
SWEEPS = {
    "rows": (1_000, 10_000, 100_000, 1_000_000),
    "latent": (2, 16, 128, 512),
    "depth": (1, 2, 4, 8),
    "draws": (1, 5, 20, 50),
}
TOGETHER = {"1 process, 2 threads": (1, 2), "2 processes, 1 thread each": (2, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    kinds = [*SWEEPS, "processes"]
    parser.add_argument("--what", nargs="+", choices=kinds, default=kinds)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=20)
    options = parser.parse_args()
    rows = []
    for what in options.what:
        found = together(options.rounds, options.seconds) if what == "processes" else swept(what)
        rows += [
            {"what": what, "value": value, "examples/s": round(speed), "ratio": speed / found[0][1]}
            for value, speed in found
        ]
    table(rows)
    print(write("scaling", rows, {"batch_size": BATCH, "examples": EXAMPLES}))


def swept(what: str) -> list[tuple[object, float]]:
    """Examples per second for each value of one thing."""
    return [(value, speed_of(**{what: value})) for value in SWEEPS[what]]


def speed_of(rows: int = 10_000, latent: int = 16, depth: int = 2, draws: int = 1) -> float:
    """Examples per second of a training on binary noise."""
    codes = np.random.default_rng(0).integers(0, 2, (rows, WIDTH), dtype=np.uint8)
    examples = Examples.of(codes, infer_schema(codes[:1000]))
    made = recipes.build(
        "beta_vae",
        shape=(WIDTH,),
        likelihood="bernoulli",
        latent=latent,
        hidden=(256,) * depth,
    )
    phase = Phase(Objective(draws, bound=(constant(1), ImportanceBound())))
    epochs = max(1, EXAMPLES // (rows * draws))
    settings = Settings(epochs=epochs, batch_size=min(BATCH, rows), compile="off", patience=1.0)
    begun = time.perf_counter()
    history = fit(made.model, [phase], examples, examples, settings)
    return history.step * min(BATCH, rows) / (time.perf_counter() - begun)


def together(rounds: int, seconds: int) -> list[tuple[object, float]]:
    """Examples per second of several processes, interleaved."""
    found: dict[str, list[float]] = {name: [] for name in TOGETHER}
    for _ in range(rounds):
        for name, (processes, threads) in TOGETHER.items():
            found[name].append(trained_by(processes, threads, seconds))
    return [(name, float(np.median(speeds))) for name, speeds in found.items()]


def trained_by(processes: int, threads: int, seconds: int) -> float:
    """Examples per second of a convolutional training on MNIST, once it runs."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        launch = [sys.executable, "-m"]
        if processes > 1:
            launch += ["torch.distributed.run", "--nproc-per-node", str(processes), "-m"]
        arguments = ["variata", "train", "mnist", "--network", "conv", "--batch-size", str(BATCH)]
        arguments += ["--precision", "fp32", "--threads", str(threads)]
        more = ["--budget", f"{seconds}s", "--out", str(run), "--quiet"]
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
        subprocess.run([*launch, *arguments, *more], check=True, env=environment)
        lines = (run / "history.jsonl").read_text().splitlines()
        reports = [json.loads(line) for line in lines][1:]  # the first one warms up
        return float(np.median([report["speed"] for report in reports]))


if __name__ == "__main__":
    main()
