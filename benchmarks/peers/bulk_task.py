"""What the verbs over many rows are timed on: one network, its weights in a file, binary images.

Written for numpy and torch alone, since every peer runs in an environment of its own. A worker
answers each line of standard input, the name of a task and a seed, with one line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

ROWS, IMAGES, DRAWS = 10_000, 1_000, 500
Task = Callable[[int], Any]


def given() -> tuple[np.ndarray, dict[str, torch.Tensor]]:
    """The images (N, 784) uint8 and the weights by name, from the paths in the arguments."""
    with np.load(sys.argv[2]) as weights:
        return np.load(sys.argv[1]), {name: torch.from_numpy(weights[name]) for name in weights}


def answer(tasks: dict[str, Task]) -> None:
    """Time tasks as they are asked for; a number that a task returns goes along."""
    if len(sys.argv) > 3:
        torch.set_num_threads(int(sys.argv[3]))
    for line in sys.stdin:
        name, seed = line.split()
        begun = time.perf_counter()
        value = tasks[name](int(seed))
        seconds = time.perf_counter() - begun
        number = float(value) if isinstance(value, float) else None
        print(json.dumps({"seconds": seconds, "value": number}), flush=True)
