"""Noisy test images cleaned by a model, beside a median filter and PCA of the same images.

    python benchmarks/denoise.py [--data mnist] [--sigma 0.5] [--budget 3m] [--run RUN]

Trains `variata train DATA --corrupt gaussian=SIGMA` on the published training rows (or takes a run
that is there). Noise is added to grey levels in [0, 1] and never cut off. The width of the median
filter and the rank of PCA, which is fitted to clean training images, are those that are best on
validation images under noise of another seed; test images are measured once. What comes out is cut
off at 0 and 1 for all alike.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import table, trained, write
from scipy.ndimage import median_filter
from torch import Tensor

from variata import load
from variata.data import Examples
from variata.metrics import Estimate, PCABaseline, psnr, ssim
from variata.tasks.denoise import corrupted
from variata.tasks.model import Model
from variata.tasks.source import reopened

WIDTHS, RANKS = (3, 5, 7, 9), (5, 10, 15, 20, 30, 40, 60, 80)
CHOOSING = 2_000  # validation images


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--sigma", type=float, default=0.5)
    parser.add_argument("--recipe", default="vae")
    parser.add_argument("--budget", default="3m")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--run", type=Path, help="a trained run, instead of a training")
    options, more = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        run = options.run or Path(folder) / "run"
        if options.run is None:
            asked = (options.data, options.recipe, options.budget, options.seed)
            trained(run, *asked, "--corrupt", f"gaussian={options.sigma}", *more)
        rows = measured(load(run), options.sigma)
    table(rows)
    settings = {name: getattr(options, name) for name in ("data", "sigma", "recipe", "budget")}
    print(write("denoise", rows, settings | {"seed": options.seed, "more": " ".join(more)}))


def measured(model: Model, sigma: float) -> list[dict[str, Any]]:
    """PSNR and SSIM of every way on test images."""
    train, valid, test = reopened(model.saved.about["data"])
    pairs = [noisy_and_clean(model, rows, sigma, seed) for seed, rows in enumerate((valid, test))]
    (noisy, clean), judged = [part[:CHOOSING] for part in pairs[0]], pairs[1]
    pca = [PCABaseline(n).fit(clean_images(train)) for n in RANKS]
    ways: dict[str, list[Callable[[Tensor], Tensor]]] = {
        "median filter": [lambda x, w=w: filtered(x, w) for w in WIDTHS],
        "PCA": [lambda x, p=p: p.reconstruct(x).view(x.shape) for p in pca],
        "variata": [lambda x: cleaned(model, x)],
        "nothing done": [lambda x: x],
    }
    found = []
    for name, tried in ways.items():
        quality = [psnr(clean, way(noisy).clamp(0, 1)).mean for way in tried]
        best = int(np.argmax(quality))
        sizes = {"median filter": WIDTHS, "PCA": RANKS}.get(name, (0,))
        made = tried[best](judged[0])
        made = made if name == "nothing done" else made.clamp(0, 1)
        score = {"PSNR, dB": psnr(judged[1], made), "SSIM": ssim(judged[1], made.float())}
        found.append({"way": name, "size": sizes[best], **rounded(score)})
    return found


def rounded(score: dict[str, Estimate]) -> dict[str, float]:
    """Means with their standard errors."""
    means = {name: round(estimate.mean, 4) for name, estimate in score.items()}
    return means | {f"{name} se": round(estimate.se, 4) for name, estimate in score.items()}


def noisy_and_clean(model: Model, rows: Examples, sigma: float, seed: int) -> tuple[Tensor, Tensor]:
    """Images in [0, 1] with noise, and without."""
    noisy = corrupted(model, rows, {"gaussian": sigma}, seed)
    return clean_images(noisy), clean_images(rows)


def clean_images(rows: Examples) -> Tensor:
    """All of them in model space, which is [0, 1]."""
    return rows.all().x


def filtered(x: Tensor, width: int) -> Tensor:
    """Medians over squares of pixels."""
    return torch.from_numpy(median_filter(x.numpy(), (1, 1, width, width)))


def cleaned(model: Model, x: Tensor) -> Tensor:
    """What the model makes of noisy images in [0, 1]."""
    loose = model.schema.loosened()
    return loose.encode(model.denoise(loose.decode(x))).view(x.shape)


if __name__ == "__main__":
    main()
