"""Our measures of samples beside reference implementations, on the same features.

    python benchmarks/references.py [--seeds 0 1 2] [--rows 2000]

The Frechet distance beside torchmetrics', and precision, recall, density and coverage beside
prdc's: of test rows of MNIST and as many others with noise, in the features that come with the
package, and of Gaussian features with three quarters as many samples as rows. All is in double
precision. Fails where a figure differs by more than a millionth of its value.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from common import table, write
from numpy.typing import NDArray
from peer import TORCH, Peer

REFERENCES = Peer("references", needs=(TORCH, "torchmetrics==1.9.0", "prdc==0.2"))
NOISE = (0.1, 0.3)  # standard deviations, of pixels in [0, 1]
WIDTHS = (2, 16, 64, 256)  # of Gaussian features
NEIGHBOURS = 5
BAR = 1e-6

Rows = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rows", type=int, default=2_000, help="of each set of data")
    asked = parser.parse_args()
    sets = {
        f"{name}, seed {seed}": pair
        for seed in asked.seeds
        for make in (noisy_images, gaussians)
        for name, pair in make(asked.rows, seed)
    }
    theirs = referred(sets)
    rows = [
        compared(name, measure, value, theirs["found"][name][measure])
        for name, pair in sets.items()
        for measure, value in ours(*pair).items()
    ]
    table(rows)
    settings = {"rows": asked.rows, "neighbours": NEIGHBOURS, "bar": BAR}
    print(write("references", rows, settings | {"references": theirs["versions"]}))
    worst = max(row["difference"] for row in rows)
    if not worst <= BAR:
        raise SystemExit(f"The largest relative difference is {worst:.2g}, above {BAR}.")


def noisy_images(rows: int, seed: int) -> Iterator[tuple[str, tuple[Rows, Rows]]]:
    """Features of test images, and of others with noise."""
    from variata.data import open_source
    from variata.metrics import Features
    from variata.tasks.samples import SHIPPED

    features = Features.load(SHIPPED / "mnist.safetensors")
    random = np.random.default_rng(seed)
    test = open_source("mnist").values[60_000:].reshape(-1, 1, 28, 28) / 255
    order = random.permutation(len(test))
    data, others = test[order[:rows]], test[order[rows : 2 * rows]]
    for scale in NOISE:
        noisy = np.clip(others + scale * random.normal(size=others.shape), 0, 1)
        pair = (features(x).double().numpy() for x in (data, noisy))
        yield f"MNIST with noise of {scale}", (next(pair), next(pair))


def gaussians(rows: int, seed: int) -> Iterator[tuple[str, tuple[Rows, Rows]]]:
    """Draws from two Gaussians that differ a little in mean and covariance."""
    random = np.random.default_rng(seed)
    for width in WIDTHS:
        data, samples = (
            random.normal(size=(count, width)) @ mixing(random, width) + shift
            for count, shift in ((rows, 0.0), (3 * rows // 4, 0.1))
        )
        yield f"Gaussian of {width}", (data, samples)


def mixing(random: np.random.Generator, width: int) -> Rows:
    return np.eye(width) + 0.3 * random.normal(size=(width, width)) / width**0.5


def ours(data: Rows, samples: Rows) -> dict[str, float]:
    from variata.metrics import frechet_distance, prdc

    shares = asdict(prdc(data, samples, NEIGHBOURS))
    return {"frechet": frechet_distance(data, samples), **shares}


def referred(sets: dict[str, tuple[Rows, Rows]]) -> dict[str, Any]:
    """What the reference implementations say."""
    named = {
        f"{name}/{part}": rows
        for name, pair in sets.items()
        for part, rows in zip(("data", "samples"), pair, strict=True)
    }
    with tempfile.TemporaryDirectory() as folder:
        np.savez(path := Path(folder) / "sets.npz", **named)  # type: ignore[arg-type]
        return REFERENCES.run(path, str(NEIGHBOURS))


def compared(name: str, measure: str, our: float, their: float) -> dict[str, Any]:
    difference = abs(our - their) / abs(their) if our != their else 0.0
    return {
        "features": name,
        "measure": measure,
        "ours": our,
        "theirs": their,
        "difference": difference,
    }


if __name__ == "__main__":
    main()
