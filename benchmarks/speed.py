"""How fast training is, beside the peers: interleaved runs of the same network on the same data.

    python benchmarks/speed.py [--batch-sizes 100 256 1024] [--rounds 5] [--peers ...]

Every peer runs in an environment of its own, made at first use in `benchmarks/.envs` (from the
package index; torch pinned as in `constraints.txt`). A round runs ours and every peer once, in one
process each; medians over the rounds are compared, since single runs on a shared machine vary.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from common import table, write

HERE = Path(__file__).parent.resolve()
ENVIRONMENTS = HERE / ".envs"
TORCH = "torch==2.13.0"
PEERS: dict[str, list[str] | None] = {  # what each needs; None: our own environment
    "ours": None,
    "by_hand": None,
    "tutorial": None,
    "pythae_loop": [TORCH, "pythae==0.1.2"],
    "lightning_loop": [TORCH, "lightning"],
    "keras_jax": ["keras>=3.10", "jax"],
    "jax_scan": ["jax", "optax"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[100, 256, 1024])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--peers", nargs="+", default=list(PEERS), choices=list(PEERS))
    options = parser.parse_args()
    pythons = {peer: python_of(peer, PEERS[peer]) for peer in options.peers}
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        data = save_data(Path(folder))
        for size in options.batch_sizes:
            rows += compare(pythons, data, size, options.epochs, options.rounds)
    table(rows)
    print(write("speed", rows, {"rounds": options.rounds, "epochs": options.epochs}))


def compare(
    pythons: dict[str, Path], data: Path, batch_size: int, epochs: int, rounds: int
) -> list[dict[str, object]]:
    """Rows for one batch size."""
    results: dict[str, list[dict[str, float]]] = {peer: [] for peer in pythons}
    for _ in range(rounds):
        for peer, python in pythons.items():
            results[peer].append(run(python, peer, data, batch_size, epochs))
    middle = {
        peer: {name: statistics.median(r[name] for r in found) for name in found[0]}
        for peer, found in results.items()
    }
    ours = middle["ours"]
    return [
        {
            "batch": batch_size,
            "peer": peer,
            "images/s": round(figures["images_per_second"]),
            "ours is faster by": round(ours["images_per_second"] / figures["images_per_second"], 2),
            "our loop alone by": round(
                ours["loop_images_per_second"] / figures["loop_images_per_second"], 2
            ),
            "valid nats": round(figures["valid_nats"], 2),
        }
        for peer, figures in middle.items()
    ]


def run(python: Path, peer: str, data: Path, batch_size: int, epochs: int) -> dict[str, float]:
    """One training in a process of its own."""
    script = [str(python), str(HERE / "peers" / f"{peer}.py"), str(data)]
    more = ["--batch-size", str(batch_size), "--epochs", str(epochs)]
    done = subprocess.run([*script, *more], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{peer} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def python_of(peer: str, needs: list[str] | None) -> Path:
    """The interpreter of a peer's environment, which is made when it is not there."""
    if needs is None:
        return Path(sys.executable)
    python = ENVIRONMENTS / peer / "bin" / "python"
    ready = ENVIRONMENTS / peer / "ready"
    if not ready.exists():
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENTS / peer)], check=True)
        for what in ("numpy", *needs):  # in this order: the pinned torch goes first
            subprocess.run([str(python), "-m", "pip", "install", "--quiet", what], check=True)
        ready.touch()
    return python


def save_data(folder: Path) -> Path:
    """MNIST's training images, binarised, as one array of bytes."""
    from variata.data import open_source

    values = open_source("mnist").values[:60_000].reshape(-1, 784)
    path = folder / "mnist.npy"
    np.save(path, (values > 127).astype(np.uint8))
    return path


if __name__ == "__main__":
    main()
