"""How good a model is after so many epochs, or so much time, beside pythae's.

    python benchmarks/quality.py --what epochs [--epochs 20] [--seeds 0 1 2]
    python benchmarks/quality.py --what time [--share 0.1]

On static binarised MNIST, where both have the same likelihood: negative ELBO of the 10,000 test
rows, nats. `epochs` trains the same fully connected network with batches of 100. `time` asks
whether our default convolutional `vae` is, after a tenth of the time, as good as pythae's own
convolutional example after three epochs. That network learns from so few images a second that its
time is told apart, as what a part of an epoch takes times what three epochs are (`--what pace`, on
a quiet machine); its ELBO does not depend on how busy the machine is. Each run is kept as it comes,
so that the same command goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from common import table, trained_and_measured
from peer import PEERS, save_data, without_test
from runs import EnoughError, Run, Runs
from speed import median

DATA = "binarized_mnist"
EXAMPLE = 3  # epochs of pythae's convolutional example
PACE = 2_500  # rows in an epoch whose speed is measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--what", nargs="+", choices=list(WHAT), default=list(WHAT))
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--share", type=float, default=0.1, help="of pythae's time that ours has")
    parser.add_argument("--most", type=int, help="runs to make now")
    parser.add_argument("--fresh", action="store_true", help="forget the runs that were kept")
    asked = parser.parse_args()
    runs = Runs("quality", asked.most, asked.fresh)
    with tempfile.TemporaryDirectory() as folder:
        data = save_data(Path(folder) / "all.npz", DATA)
        try:
            rows = [row for what in asked.what for row in WHAT[what](runs, data, asked)]
        except EnoughError:
            print("More runs are left.")
            return
    for row in rows:
        table([row])
    print(runs.write(rows, {"data": DATA, "seeds": asked.seeds, "share": asked.share}))


def after_epochs(runs: Runs, data: Path, asked: argparse.Namespace) -> list[Run]:
    """Both, with the same network, batches and epochs."""
    more = ["--epochs", str(asked.epochs), "--seed"]
    rows: list[Run] = []
    for peer in ("ours", "pythae"):
        found = [
            runs.get(
                lambda seed=seed, peer=peer: PEERS[peer].run(data, *more, str(seed)),
                ages=peer == "ours",
                what="epochs",
                peer=peer,
                epochs=asked.epochs,
                seed=seed,
            )
            for seed in asked.seeds
        ]
        nats = [round(run["test_nats"], 2) for run in found]
        rows.append({"peer": peer, "epochs": asked.epochs, "test nats": nats})
        rows[-1] |= {"median": median(found, "test_nats"), "seconds": median(found, "seconds")}
    return rows


def pace(runs: Runs, data: Path, asked: argparse.Namespace) -> list[Run]:
    """Seconds that pythae's convolutional example takes for its epochs."""
    return [{"pythae seconds": pythae_seconds(runs, data), "epochs": EXAMPLE}]


def in_a_share_of_the_time(runs: Runs, data: Path, asked: argparse.Namespace) -> list[Run]:
    """Our default convolutional network beside pythae's, which has ten times as long."""
    seconds = pythae_seconds(runs, data)
    given = max(1, int(asked.share * seconds))
    more = ["--task", "conv", "--epochs", str(EXAMPLE)]
    row: Run = {"pythae seconds": round(seconds)}
    for seed in asked.seeds:
        mine = runs.get(
            lambda seed=seed: trained_and_measured(
                "vae", DATA, f"{given}s", 1, seed, "--network", "conv"
            ),
            what="time",
            peer="ours",
            given=given,
            seed=seed,
        )
        row |= {f"ours, seed {seed}": -mine["ELBO"], "our seconds": mine["command seconds"]}
    theirs = runs.get(
        lambda: PEERS["pythae"].run(data, *more), ages=False, what="time", peer="pythae"
    )
    return [row | {"pythae nats": round(theirs["test_nats"], 2)}]


def pythae_seconds(runs: Runs, data: Path) -> float:
    """From the speed of an epoch over some of the rows."""
    some = without_test(data.parent / "some.npz", data, PACE)
    more = ["--task", "conv", "--epochs", "2"]
    found = runs.get(
        lambda: PEERS["pythae"].run(some, *more), ages=False, what="pace", peer="pythae"
    )
    learnt_from = 0.98 * 60_000  # as in `peers/task.py`
    return EXAMPLE * learnt_from / found["epoch_images_per_second"]


WHAT = {"epochs": after_epochs, "pace": pace, "time": in_a_share_of_the_time}


if __name__ == "__main__":
    main()
