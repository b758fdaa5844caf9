"""The task that ours and every peer are timed on: binarised MNIST, one hidden layer each way.

Written for numpy alone, since every peer runs in an environment of its own.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

HIDDEN, LATENT = 512, 16
VALID = 0.02  # share of the rows that validation takes


@dataclass(frozen=True)
class Task:
    """What to train on, and how long.

    Attributes:
        x: (N, 784) uint8, 0 or 1.
    """

    x: np.ndarray
    batch_size: int
    epochs: int

    @classmethod
    def read(cls) -> Task:
        """From the arguments: a .npy file, a batch size and a number of epochs."""
        parser = argparse.ArgumentParser()
        parser.add_argument("data")
        parser.add_argument("--batch-size", type=int, default=100)
        parser.add_argument("--epochs", type=int, default=2)
        options = parser.parse_args()
        return cls(np.load(options.data), options.batch_size, options.epochs)

    def parts(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows to learn from and rows to validate on."""
        cut = round(len(self.x) * VALID)
        return self.x[cut:], self.x[:cut]


def seconds_of(run: Callable[[], Any]) -> tuple[Any, float]:
    """What `run` returned, and how long it took."""
    begun = time.perf_counter()
    result = run()
    return result, time.perf_counter() - begun


def report(
    task: Task, seconds: float, loss: float, rows: int | None = None, loop: float | None = None
) -> None:
    """Print one line of JSON.

    Args:
        seconds: of the whole training, everything counted.
        loss: nats per example on the validation rows.
        rows: learnt from in an epoch, where they are not the task's.
        loop: images per second once training runs, where that is known apart.
    """
    rows = rows or len(task.parts()[0])
    speed = rows * task.epochs / seconds
    print(
        json.dumps(
            {
                "images_per_second": speed,
                "loop_images_per_second": loop or speed,
                "seconds": seconds,
                "valid_nats": float(loss),
            }
        )
    )
