"""How fast training is, beside the peers: interleaved runs of the same network on the same data.

    python benchmarks/speed.py [--task mlp|conv] [--batch-sizes 100 256] [--rounds 5] [--peers ...]
        [--epochs 55] [--steady-epochs 14]
    python benchmarks/speed.py --short 5 10 15 20

A round runs every peer once, in a process each; medians over the rounds are compared, since single
runs on a shared machine vary. Each run is kept as it comes, so that the same command goes on where
it was interrupted (`--most 1` makes a single run; `--fresh` begins anew). Two speeds are told:
"everything" counts all from data in memory to the end of training, with compilation and trials;
"epochs" is that of whole epochs, with validation and reports, without the first one.

Peers that compile nothing are as fast in their second epoch as in their last: with
`--steady-epochs` they train so many, so that all runs of a round take about as long, and a busy
moment of the machine hits all alike. Their nats are then those of a shorter training.

`--short` compares our default with eager steps on trainings that take about so many seconds:
compiling must not make a short training longer.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

from common import table
from peer import PEERS, save_data, without_test
from runs import EnoughError, Run, Runs

USUAL = ("ours", "ours_fp32", "pythae", "jax_scan", "keras_jax", "lightning", "tutorial")
STEADY = ("pythae", "lightning", "tutorial")
SPEEDS = {"everything": "images_per_second", "epochs": "epoch_images_per_second"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--task", choices=("mlp", "conv"), default="mlp")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[100, 256, 1024])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--steady-epochs", type=int, help="of peers that compile nothing")
    parser.add_argument("--rows", type=int, help="of the data; less for slow networks")
    parser.add_argument("--peers", nargs="+", default=list(USUAL), choices=list(PEERS))
    parser.add_argument("--short", type=float, nargs="+", metavar="SECONDS")
    parser.add_argument("--most", type=int, help="runs to make now")
    parser.add_argument("--fresh", action="store_true", help="forget the runs that were kept")
    asked = parser.parse_args()
    compare = short if asked.short else long
    with tempfile.TemporaryDirectory() as folder:
        whole = save_data(Path(folder) / "mnist.npz", "mnist")
        data = without_test(Path(folder) / "rows.npz", whole, asked.rows)
        for size in asked.batch_sizes:
            name = f"speed_{asked.task}_{size}{'_short' if asked.short else ''}"
            runs = Runs(name, asked.most, asked.fresh)
            try:
                rows = compare(runs, data, size, asked)
            except EnoughError:
                print("More runs are left.")
                return
            table(rows)
            names = ("task", "rounds", "epochs", "steady_epochs")
            settings = {name: getattr(asked, name) for name in names}
            print(runs.write(rows, settings | {"rows": asked.rows or 60_000}))


def long(runs: Runs, data: Path, size: int, asked: argparse.Namespace) -> list[Run]:
    """Rows for one batch size: every peer beside ours."""
    peers = [peer for peer in asked.peers if asked.task in PEERS[peer].tasks]
    found = interleaved(runs, data, size, asked, peers, asked.epochs)
    ours = found.get("ours") or found[peers[0]]
    return [
        {"batch": size, "peer": peer, "epochs": own[0]["epochs"]}
        | {"seconds": round(median(own, "seconds"), 2)}
        | {f"{name} images/s": round(median(own, key)) for name, key in SPEEDS.items()}
        | {f"ours by {name}": ratio(ours, own, key) for name, key in SPEEDS.items()}
        | {"valid nats": round(median(own, "valid_nats"), 2)}
        for peer, own in found.items()
    ]


def short(runs: Runs, data: Path, size: int, asked: argparse.Namespace) -> list[Run]:
    """Rows for one batch size: our default beside eager steps, in short trainings."""
    probe = one(runs, data, size, asked, "ours_eager", epochs=2, number=0)
    each = probe["seconds"] / probe["epochs"]
    rows: list[Run] = []
    for seconds in asked.short:
        epochs = max(1, round(seconds / each))
        found = interleaved(runs, data, size, asked, ["ours", "ours_eager"], epochs)
        auto, eager = (median(found[peer], "seconds") for peer in ("ours", "ours_eager"))
        about = {"batch": size, "about seconds": seconds, "epochs": epochs}
        rows.append(about | {"auto": auto, "eager": eager, "auto takes longer by": auto - eager})
    return rows


def interleaved(
    runs: Runs, data: Path, size: int, asked: argparse.Namespace, peers: list[str], epochs: int
) -> dict[str, list[Run]]:
    """The runs of each peer, one in every round."""
    found: dict[str, list[Run]] = {peer: [] for peer in peers}
    for number in range(asked.rounds):
        for peer in peers:
            own = (asked.steady_epochs or epochs) if peer in STEADY else epochs
            found[peer].append(one(runs, data, size, asked, peer, own, number))
    return found


def one(
    runs: Runs,
    data: Path,
    size: int,
    asked: argparse.Namespace,
    peer: str,
    epochs: int,
    number: int,
) -> Run:
    """One training in a process of its own, or what is known of it; its seed is its number."""
    which = {"batch": size, "peer": peer, "epochs": epochs, "round": number, "rows": asked.rows}
    more = ["--task", asked.task, "--batch-size", str(size), "--epochs", str(epochs)]
    return runs.get(lambda: PEERS[peer].run(data, *more, "--seed", str(number)), **which)


def median(runs: list[Run], name: str) -> float:
    """Of a figure over runs; NaN where a run does not have it."""
    values: list[Any] = [run[name] for run in runs]
    return float("nan") if None in values else float(statistics.median(values))


def ratio(ours: list[Run], own: list[Run], name: str) -> float:
    """How many times as fast ours is."""
    return round(median(ours, name) / median(own, name), 2)


if __name__ == "__main__":
    main()
