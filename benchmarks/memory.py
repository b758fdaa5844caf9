"""How much memory training takes, on data that fits in memory and on data that does not.

    python benchmarks/memory.py [--gigabytes 20] [--budget 20s] [--folder FOLDER]

Peaks are those of a process of its own that trains through the command line, beyond what
`import torch` takes. What the same training takes on 10,000 of the rows (libraries, activations,
and what stays of the start) is set apart: what all rows add to it, with the size of the 10,000, of
the weights and of the optimiser's moments, must stay under 1.3 times data, weights and moments. On
a sparse file larger than memory what is the process's own (RssAnon) counts, since the pages of a
mapped file are the system's to take back.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import table, write
from safetensors import safe_open

EVERY = 0.02  # seconds between looks at the process
BAR = 1.3  # times data, weights and optimiser
FEW = 10_000
OWN_BAR = 2 * 1024  # MB of the process's own, whatever the size of the data
MB = 2**20
NETWORK = ("--recipe", "beta_vae", "--network", "mlp", "--hidden", "256")  # many steps in a budget
IMPORTED = "import time, torch; time.sleep(1)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--gigabytes", type=float, default=20)
    parser.add_argument("--budget", default="20s", help="of each training")
    parser.add_argument("--folder", help="where files go; a temporary one by default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        bare = peaks([sys.executable, "-c", IMPORTED])[0]["VmHWM"]
        made = {
            "bytes 60,000x784": images(folder / "bytes.npy"),
            "float32 400 MB": numbers(folder / "numbers.npy"),
            f"sparse {options.gigabytes:g} GB": sparse(folder / "sparse.npy", options.gigabytes),
        }
        rows = [row(name, data, bare, options.budget) for name, data in made.items()]
    table(rows)
    settings = {"budget": options.budget, "import torch MB": round(bare)}
    print(write("memory", rows, settings))
    raise SystemExit(not all(kept(row) for row in rows))


def row(name: str, data: Path, bare: float, budget: str) -> dict[str, Any]:
    """Train on a file, and compare what that takes with what cannot be less."""
    few, rows = data.with_suffix(".few.npy"), np.load(data, mmap_mode="r")
    np.save(few, rows[np.linspace(0, len(rows) - 1, FEW).astype(int)])
    without, _ = train(few, budget)  # the same costs of compiling, if any
    begun = time.perf_counter()
    top, about = train(data, budget)
    taken = time.perf_counter() - begun
    size, weights = data.stat().st_size / MB, 4 * about["parameters"] / MB
    used = top["VmHWM"] - without["VmHWM"] + few.stat().st_size / MB + 3 * weights
    return {
        "data": name,
        "data MB": round(size),
        "weights MB": round(weights, 1),
        "steps": about["steps"],
        "seconds": round(taken, 1),
        "peak MB": round(top["VmHWM"] - bare),
        "few rows MB": round(without["VmHWM"] - bare),
        "ratio": round(used / (size + 3 * weights), 2),
        "own MB": round(top["RssAnon"]),
    }


def train(data: Path, budget: str) -> tuple[dict[str, float], dict[str, int]]:
    """The peaks of a training with batches of 32 rows, its steps and its parameters."""
    out = data.with_suffix("")
    words = ["train", str(data), "--out", str(out), "--budget", budget, "--quiet", "--json"]
    top, printed = peaks([sys.executable, "-m", "variata", *words, *NETWORK, "--batch-size", "32"])
    steps = json.loads(printed)["training"]["steps"]
    with safe_open(out / "model.safetensors", "numpy") as file:
        sizes = [math.prod(file.get_slice(name).get_shape()) for name in file.keys()]  # noqa: SIM118
    return top, {"steps": steps, "parameters": sum(sizes)}


def kept(row: dict[str, Any]) -> bool:
    """Whether a row is under its bar: what is much larger than memory counts by its own pages."""
    return row["own MB"] < OWN_BAR if row["data MB"] > 4 * OWN_BAR else row["ratio"] <= BAR


def peaks(command: list[str]) -> tuple[dict[str, float], str]:
    """The highest VmHWM and RssAnon of a process, in MB, and what it printed."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    top = {"VmHWM": 0.0, "RssAnon": 0.0}
    while process.poll() is None:
        found = status(process.pid)
        top = {name: max(top[name], found.get(name, 0.0)) for name in top}
        time.sleep(EVERY)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed")
    return top, process.communicate()[0]


def status(pid: int) -> dict[str, float]:
    """The figures of a process's memory, in MB; none once it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    cells = [line.split() for line in lines if line.endswith(" kB")]
    return {name.rstrip(":"): int(value) / 1024 for name, value, _ in cells}


def images(path: Path) -> Path:
    """Grey bytes as large as MNIST's training images."""
    random = np.random.default_rng(0)
    np.save(path, random.integers(0, 256, (60_000, 784), dtype=np.uint8))
    return path


def numbers(path: Path) -> Path:
    """400 MB of real numbers in 100 columns."""
    random = np.random.default_rng(0)
    shape = (400 * MB // 400, 100)
    array = np.lib.format.open_memmap(path, "w+", np.float32, shape)
    for start in range(0, shape[0], 65_536):
        part = array[start : start + 65_536]
        part[:] = random.normal(size=part.shape)
    return path


def sparse(path: Path, gigabytes: float) -> Path:
    """A file of 64x64 images of bytes that takes no room on the disk but for a few rows."""
    rows = round(gigabytes * 1024 * MB / 4096)
    array = np.lib.format.open_memmap(path, "w+", np.uint8, (rows, 64, 64))
    random = np.random.default_rng(0)
    for row in np.linspace(0, rows - 1, 1_000).astype(int):
        array[row] = random.integers(0, 256, (64, 64))
    return path


if __name__ == "__main__":
    main()
