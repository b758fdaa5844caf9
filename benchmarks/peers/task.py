"""The task that ours and every peer are timed on: binarised MNIST, one network for all.

Three networks: "mlp", one hidden layer of 512 each way, "conv", the convolutional network of
pythae's own example, and "deep", our `deep_vae`, which another's trainer can train too. Written for
numpy alone, since every peer runs in an environment of its own.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

HIDDEN, LATENT = 512, 16
VALID = 0.02  # share of the rows that validation takes
LR = 1e-3  # for all of them; the speed of a step does not depend on it
PACKAGES = ("variata", "torch", "numpy", "pythae", "jax", "optax", "keras", "lightning")
SHAPES = {"mlp": (784,), "conv": (1, 28, 28), "deep": (1, 28, 28)}


@dataclass(frozen=True)
class Task:
    """What to train on, and how long.

    Attributes:
        x: (N, *X) uint8, 0 or 1; X is (784,) or (1, 28, 28).
        test: (M, *X) rows that are only measured on; none where M is 0.
        net: "mlp", "conv" or "deep".
        asked: the peer's own options.
    """

    x: np.ndarray
    test: np.ndarray
    net: str
    batch_size: int
    epochs: int
    seed: int
    asked: argparse.Namespace

    @classmethod
    def read(cls, *own: str) -> Task:
        """From the arguments: a .npz file, and options; `own` names those of one peer."""
        parser = argparse.ArgumentParser()
        parser.add_argument("data")
        parser.add_argument("--task", choices=list(SHAPES), default="mlp")
        parser.add_argument("--batch-size", type=int, default=100)
        parser.add_argument("--epochs", type=int, default=2)
        parser.add_argument("--seed", type=int, default=0)
        for name in own:
            parser.add_argument(f"--{name}")
        asked = parser.parse_args()
        with np.load(asked.data) as arrays:
            x, test = (arrays[name].reshape(-1, *SHAPES[asked.task]) for name in ("x", "test"))
        return cls(x, test, asked.task, asked.batch_size, asked.epochs, asked.seed, asked)

    def parts(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows to learn from and rows to validate on."""
        cut = round(len(self.x) * VALID)
        return self.x[cut:], self.x[:cut]


@dataclass
class Laps:
    """Seconds at which epochs ended, each with its validation and reports."""

    ends: list[float] = field(default_factory=list)

    def end(self) -> None:
        """An epoch has ended now."""
        self.ends.append(time.perf_counter())

    def speed(self, rows: int) -> float | None:
        """Rows per second over all epochs but the first, which may compile."""
        if len(self.ends) < 2:
            return None
        return rows * (len(self.ends) - 1) / (self.ends[-1] - self.ends[0])


def seconds_of(run: Callable[[], Any]) -> tuple[Any, float]:
    """What `run` returned, and how long it took."""
    begun = time.perf_counter()
    result = run()
    return result, time.perf_counter() - begun


def report(
    task: Task,
    seconds: float,
    loss: float,
    laps: Laps | None = None,
    rows: int | None = None,
    **more: Any,
) -> None:
    """Print one line of JSON.

    Args:
        seconds: of the whole training, everything counted, from data in memory to its end.
        loss: nats per example on the validation rows.
        laps: when epochs ended.
        rows: learnt from in an epoch, where they are not the task's.
        more: what else is known.
    """
    rows = rows or len(task.parts()[0])
    record: dict[str, Any] = {
        "seconds": seconds,
        "images_per_second": rows * task.epochs / seconds,
        "epoch_images_per_second": laps.speed(rows) if laps else None,
        "valid_nats": float(loss),
    }
    print(json.dumps(record | more | {"versions": versions()}))


def versions() -> dict[str, str]:
    """Of those packages that may matter and are there."""
    found = {}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
