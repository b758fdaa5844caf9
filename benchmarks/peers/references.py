"""Measures of samples by torchmetrics and prdc: `references.py SETS.npz K`.

Prints those of each pair `NAME/data`, `NAME/samples` of features in the file, and the versions.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version

import numpy as np
import torch
from prdc import compute_prdc
from torch import nn
from torchmetrics.image.fid import FrechetInceptionDistance


class AsGiven(nn.Module):
    """A network whose features are what it is shown."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.num_features = width

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def main() -> None:
    with np.load(sys.argv[1]) as arrays:
        names = sorted({key.rpartition("/")[0] for key in arrays})
        sets = {name: (arrays[f"{name}/data"], arrays[f"{name}/samples"]) for name in names}
    found = {name: measured(*pair, k=int(sys.argv[2])) for name, pair in sets.items()}
    versions = {package: version(package) for package in ("torchmetrics", "prdc")}
    print(json.dumps({"found": found, "versions": versions}))


def measured(data: np.ndarray, samples: np.ndarray, k: int) -> dict[str, float]:
    frechet = FrechetInceptionDistance(AsGiven(data.shape[1])).set_dtype(torch.float64)
    frechet.update(torch.from_numpy(data), real=True)
    frechet.update(torch.from_numpy(samples), real=False)
    shares = compute_prdc(data, samples, k)
    return {"frechet": float(frechet.compute()), **{n: float(v) for n, v in shares.items()}}


if __name__ == "__main__":
    main()
