"""How fast the verbs over many rows are, beside pythae (in float32), on the same model.

    python benchmarks/bulk.py [--rounds 5] [--threads N] [--python PATH]

Both work in processes of their own that wait for tasks, so that a round asks one and then the
other for the same thing; medians over the rounds are compared, since single runs on a shared
machine vary. pythae runs without gradients, with its own batch sizes and with those that suit it
best. Its sampler shows means; for draws, `torch.bernoulli` is added to it. Its posterior has the
bounded scale of ours, so that both estimate the same bound.

Ours runs as it does by default, and once more in bf16; with noise of the same seed, the difference
of the two bounds is the bias of short products, free of sampling noise.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from common import table, write
from peer import HERE, PEERS, save_data

TASKS = {  # ours -> what pythae has for it
    "encode": ("embed", "embed_500", "predict", "predict_500"),
    "sample_means": ("sample", "sample_2000"),
    "sample_draws": ("sample_and_bernoulli",),
    "bound": ("get_nll", "get_nll_500"),
}

REST = 0.2  # seconds in which threads of the other process, which wait for work, fall asleep


class Worker:
    """A process that times tasks by name."""

    def __init__(self, python: Path, script: str, *arguments: str) -> None:
        command = [str(python), str(HERE / "peers" / script), *arguments]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def time(self, task: str, seed: int) -> dict[str, float]:
        """Seconds, and the number that the task returned."""
        sent, received = self.process.stdin, self.process.stdout
        assert sent is not None
        assert received is not None
        time.sleep(REST)
        print(task, seed, file=sent, flush=True)
        return json.loads(received.readline())

    def close(self) -> None:
        """Let the process end."""
        self.process.communicate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--python", type=Path, help="of an environment that has pythae already")
    options = parser.parse_args()
    theirs = options.python or PEERS["pythae"].python()
    with tempfile.TemporaryDirectory() as folder:
        files = prepared(Path(folder))
        arguments = (*files, str(options.threads))
        ours = Worker(Path(sys.executable), "bulk_ours.py", *arguments)
        peer = Worker(theirs, "bulk_pythae.py", *arguments)
        rows = [row for task in options.tasks for row in compared(ours, peer, task, options.rounds)]
        ours.close()
        peer.close()
    table(rows)
    whole = options.tasks == list(TASKS)
    name = "bulk" if whole else "_".join(["bulk", *options.tasks])
    print(write(name, rows, {"rounds": options.rounds, "threads": options.threads}))


def prepared(folder: Path) -> tuple[str, str]:
    """Files with the images and with the weights of a network that has seen some of them."""
    sys.path.insert(0, str(HERE / "peers"))
    from bulk_model import trained, weights_of  # type: ignore[import-not-found]

    data, weights = folder / "images.npy", folder / "weights.npz"
    with np.load(save_data(folder / "mnist.npz", "mnist")) as arrays:
        images = arrays["x"][:10_000]
    np.save(data, images)
    np.savez(weights, **{name: w.numpy() for name, w in weights_of(trained(images)).items()})
    return str(data), str(weights)


def compared(ours: Worker, peer: Worker, task: str, rounds: int) -> list[dict[str, object]]:
    """A row for each precision and way of the peer, after a first round that does not count."""
    own = (task, f"{task}_bf16")
    found: dict[str, list[dict[str, float]]] = {name: [] for name in (*own, *TASKS[task])}
    for number in range(rounds + 1):
        for name, results in found.items():
            results.append((ours if name in own else peer).time(name, number))
    kept = {name: results[1:] for name, results in found.items()}
    seconds = {name: statistics.median(r["seconds"] for r in kept[name]) for name in kept}
    values = {name: [r["value"] for r in kept[name]] for name in kept}
    return [
        {
            "task": name,
            "pythae": other,
            "seconds": round(seconds[name], 4),
            "pythae seconds": round(seconds[other], 4),
            "ours is faster by": round(seconds[other] / seconds[name], 2),
            "nats": estimate(values[name]),
            "pythae nats": estimate(values[other]),
            "bias of bf16, nats": "" if name == task else bias(values[name], values[task]),
        }
        for name in own
        for other in TASKS[task]
    ]


def bias(short: Sequence[float | None], long: Sequence[float | None]) -> str:
    """The mean difference over the rounds, each with the noise of one seed."""
    pairs = zip(short, long, strict=True)
    return estimate([a - b for a, b in pairs if a is not None and b is not None])


def estimate(values: Sequence[float | None]) -> str:
    """The mean over the rounds, whose noise differs, and its standard error."""
    numbers = [value for value in values if value is not None]
    if not numbers:
        return ""
    error = statistics.stdev(numbers) / len(numbers) ** 0.5 if len(numbers) > 1 else float("nan")
    return f"{statistics.mean(numbers):.4f} +- {error:.4f}"


if __name__ == "__main__":
    main()
