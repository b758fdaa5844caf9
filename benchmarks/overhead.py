"""What a step of `fit` costs outside the network: microseconds on a toy of 32 units.

    python benchmarks/overhead.py [--rounds 100]

Interleaved: steps of the training loop (gathering, noise, order, schedules, averages, judgement,
reports' figures) and bare steps of the same network (forward, backward, optimiser), on one thread.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from common import table, write

from variata import recipes
from variata.data import Examples, infer_schema
from variata.training import Settings
from variata.training.clock import Clock
from variata.training.loop import Loop
from variata.training.machine import How
from variata.training.sampler import batches

UNITS, BATCH, STEPS = 32, 100, 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args()
    torch.set_num_threads(1)
    whole, bare = toy()
    times: dict[str, list[float]] = {"step of fit": [], "network and optimiser": []}
    for _ in range(options.rounds):
        for name, step in zip(times, (whole, bare), strict=True):
            times[name].append(microseconds(step))
    outside = [a - b for a, b in zip(*times.values(), strict=True)]
    rows = [
        {"what": name, "microseconds": statistics.median(values)}
        for name, values in {**times, "outside the network": outside}.items()
    ]
    table(rows)
    print(write("overhead", rows, {"units": UNITS, "batch_size": BATCH, "rounds": options.rounds}))


def toy() -> tuple[Callable[[], None], Callable[[], None]]:
    """A step of the loop, and a bare step of the same network."""
    codes = np.random.default_rng(0).integers(0, 2, (5_000, UNITS), dtype=np.uint8)
    examples = Examples.of(codes, infer_schema(codes))
    made = recipes.build(
        "beta_vae", shape=(UNITS,), likelihood="bernoulli", latent=4, hidden=(UNITS,)
    )
    settings = Settings(lr=1e-3, batch_size=BATCH)
    loop = Loop(
        made.model, made.phases, settings, Clock(10**9), torch.device("cpu"), 0.0, How(1, False)
    )
    order = batches(len(examples), BATCH, 0)
    batch = examples.gather(torch.arange(BATCH))
    optimiser, objective = loop.stepper.optimisers[0], made.phases[0].objective

    def whole() -> None:
        loop.advance(examples, next(order))
        loop.tick()

    def bare() -> None:
        loss = objective(made.model, made.model.observe(batch), loop.moment).total
        optimiser._step(torch.autograd.grad(loss, optimiser.weights.leaves), 1e-3, 1.0)

    return whole, bare


def microseconds(step: Callable[[], None]) -> float:
    """Of one step, over some hundred."""
    begun = time.perf_counter()
    for _ in range(STEPS):
        step()
    return (time.perf_counter() - begun) / STEPS * 1e6


if __name__ == "__main__":
    main()
