"""Training on a CUDA device, beside pythae's trainer on the same device.

    python benchmarks/device.py DATA.npz [--what mlp conv deep] [--rounds 5] [--here] [--most N]

DATA.npz is what `--save` writes here and can be carried anywhere: binary MNIST, `x` and `test`.
Interleaved runs, a process each, all kept as they come, so that the same command goes on where it
was interrupted. Ours runs with its defaults, for so many epochs that compiling pays; theirs for
two, since an epoch is what is compared, after the first one. The floor is the longer of two times:
that of the products of a step at the speed of a large product on this device, and that of reading
and writing weights, moments and batch once at the speed of a large copy. "deep" is our `deep_vae`
in both, with pythae's trainer around its loss.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from common import table

from variata import recipes

sys.path.insert(0, str(Path(__file__).parent / "peers"))
from ours import arguments_of  # type: ignore[import-not-found]
from peer import PEERS, save_data
from runs import EnoughError, Run, Runs
from speed import median
from torch.utils.flop_counter import FlopCounterMode

SIZES = {"mlp": 100, "conv": 512, "deep": 256}
EPOCHS = {"mlp": 230, "conv": 250, "deep": 6}
BARS = {"mlp": 20, "conv": 5, "deep": 2}
MOMENTS = 7 * 4  # bytes a weight: values, two moments, read and written, and a short copy
PRODUCT, COPY = 8192, 2**30  # rows of the large product, bytes of the large copy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("data", type=Path)
    parser.add_argument("--what", nargs="+", choices=list(SIZES), default=list(SIZES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--here", action="store_true", help="pythae is in this environment")
    parser.add_argument("--most", type=int, help="runs to make now")
    parser.add_argument("--fresh", action="store_true", help="forget the runs that were kept")
    parser.add_argument("--save", action="store_true", help="only write DATA.npz")
    asked = parser.parse_args()
    if asked.save:
        print(save_data(asked.data, "binarized_mnist"))
        return
    runs = Runs("device", asked.most, asked.fresh)
    try:
        rows = [row(runs, what, asked) for what in asked.what]
    except EnoughError:
        print("More runs are left.")
        return
    table(rows)
    settings = {"rounds": asked.rounds, "epochs": EPOCHS, "device": torch.cuda.get_device_name()}
    print(runs.write(rows, settings))


def row(runs: Runs, what: str, asked: argparse.Namespace) -> Run:
    """Both on one task."""
    found: dict[str, list[Run]] = {"ours": [], "pythae": []}
    for number in range(asked.rounds):
        for peer, own in found.items():
            epochs = EPOCHS[what] if peer == "ours" else 2
            more = ["--task", what, "--batch-size", str(SIZES[what]), "--epochs", str(epochs)]
            own.append(
                runs.get(
                    lambda peer=peer, more=more, number=number: PEERS[peer].run(
                        asked.data, *more, "--seed", str(number), here=asked.here
                    ),
                    device=torch.cuda.get_device_name(),
                    what=what,
                    peer=peer,
                    round=number,
                )
            )
    ours, theirs = (median(own, "epoch_images_per_second") for own in found.values())
    reached = ours * floor(what) / SIZES[what]
    facts = {"what": what, "batch": SIZES[what], "ours, images/s": round(ours)}
    facts |= {"pythae, images/s": round(theirs), "ratio": round(ours / theirs, 2)}
    return facts | {"bar": BARS[what], "of the floor": round(reached, 3)}


def floor(what: str) -> float:
    """Seconds that a step must take on this device."""
    arguments = arguments_of(what)
    shape = (784,) if what == "mlp" else (1, 28, 28)
    made = recipes.build(arguments.pop("recipe"), shape=shape, likelihood="bernoulli", **arguments)
    x = torch.from_numpy(np.random.default_rng(0).integers(0, 2, (SIZES[what], *shape))).float()
    with FlopCounterMode(display=False) as counter:
        made.loss(x).backward()
    weights = sum(parameter.numel() for parameter in made.model.parameters())
    moved = MOMENTS * weights + x.numel()
    return max(counter.get_total_flops() / product_speed(), moved / copy_speed())


def product_speed() -> float:
    """Operations per second of a large product in bf16."""
    a, b = torch.randn(2, PRODUCT, PRODUCT, device="cuda", dtype=torch.bfloat16)
    return 2 * PRODUCT**3 / seconds_of(lambda: a @ b)


def copy_speed() -> float:
    """Bytes per second read and written by a large copy."""
    a, b = torch.randn(2, COPY // 4, device="cuda")
    return 2 * COPY / seconds_of(lambda: a.copy_(b))


def seconds_of(launch: Callable[[], object], times: int = 20) -> float:
    """Of one launch, over many."""
    launch()
    torch.cuda.synchronize()
    begun = time.perf_counter()
    for _ in range(times):
        launch()
    torch.cuda.synchronize()
    return (time.perf_counter() - begun) / times


if __name__ == "__main__":
    main()
