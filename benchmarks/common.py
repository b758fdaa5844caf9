"""What every benchmark shares: how it runs the command line, and what it writes down."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
WIDEST = ("amx_bf16", "avx512_bf16", "avx512f", "avx2", "asimd")  # as Linux names them


def variata(*arguments: str) -> tuple[str, float]:
    """Run the command line; returns its standard output and its seconds, start and all."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "variata", *arguments], check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout, time.monotonic() - started


def trained(
    out: str | Path, data: str, recipe: str, budget: str, seed: int, *more: str
) -> tuple[dict[str, Any], float]:
    """One `variata train` into a folder, and what it tells of the training; seconds, start and all.

    `more` are flags of the training.
    """
    chosen = ["--recipe", recipe, "--budget", budget, "--seed", str(seed), "--out", str(out)]
    text, seconds = variata("train", data, *chosen, *more, "--quiet", "--json")
    return json.loads(text)["training"], seconds


def trained_and_measured(
    recipe: str, data: str, budget: str, k: int, seed: int, *more: str
) -> dict[str, Any]:
    """One `variata train` and the figures of its test rows; `more` are flags of the training."""
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder) / "run")
        training, seconds = trained(out, data, recipe, budget, seed, *more)
        return likelihoods(out, recipe, seed, seconds, training, k)


def measured_run(run: Path, k: int) -> dict[str, Any]:
    """The same figures of a run that was trained before; the seconds are those of training."""
    told = json.loads((run / "config.json").read_text())
    training, seed = told["about"]["training"], told["about"]["settings"]["seed"]
    figures = likelihoods(str(run), told["recipe"], seed, training["seconds"], training, k)
    return figures | {"trained on": training["device"]}


def likelihoods(
    out: str, recipe: str, seed: int, seconds: float, training: dict[str, Any], k: int
) -> dict[str, Any]:
    """The figures of test rows under a trained run, and how long it was trained."""
    text, _ = variata("evaluate", out, "--k", str(k), "--no-samples", "--no-report", "--json")
    figures = json.loads(text)
    return {
        "recipe": recipe,
        "seed": seed,
        "command seconds": round(seconds, 1),
        "epochs": round(training["epochs"], 1),
        "test NLL, nats": round(figures["nll"]["mean"], 3),
        "se": round(figures["nll"]["se"], 3),
        "ELBO": round(figures["elbo"]["mean"], 3),
        "rate": round(figures["rate"]["mean"], 2),
        "active": f"{figures['active_units']} of {figures['latent']}",
    }


def write(name: str, rows: list[dict[str, Any]], settings: dict[str, Any]) -> Path:
    """Write rows with their settings, versions, commit and machine to `results/NAME.json`."""
    (RESULTS / name).parent.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(described(rows, settings), indent=2) + "\n")
    return path


def described(rows: list[dict[str, Any]], settings: dict[str, Any]) -> dict[str, Any]:
    """Rows with their settings, versions, commit and machine."""
    from variata.tasks.made import versions

    return {
        "settings": settings,
        "versions": versions(),
        "commit": commit(),
        "machine": {"processor": processor(), "cores": os.cpu_count()},
        "rows": rows,
    }


def table(rows: list[dict[str, Any]]) -> None:
    """Print rows as aligned columns."""
    heads = list(rows[0])
    lines = [heads, *[[_text(row.get(head)) for head in heads] for row in rows]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)))


def commit() -> str | None:
    """The commit that was measured, with a plus where the package differs from it."""
    here = Path(__file__).parents[1]
    told = []
    for question in (["rev-parse", "--short=10", "HEAD"], ["status", "--porcelain", "src"]):
        done = subprocess.run(["git", *question], cwd=here, capture_output=True, text=True)
        if done.returncode:
            return None
        told.append(done.stdout.strip())
    return told[0] + ("+" if told[1] else "")


def processor() -> str:
    """The kind of processor, and the widest instructions that it has, which speeds hang on."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor() or platform.machine()
    facts = [line.partition(":") for line in info.read_text().splitlines()]
    told = {name.strip(): value.strip() for name, _, value in facts}
    able = set(told.get("flags", told.get("Features", "")).split())
    widest = [name for name in WIDEST if name in able][:1]
    return ", ".join([told.get("model name") or platform.machine(), *widest])


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
