"""A test set in one file, beside gzip, bz2, xz, PNG and WebP of the same images in the same run.

    python benchmarks/compress.py [--data binarized_mnist mnist fashion_mnist] [--budget 3m]
                                  [--run RUN] [--threads N] [--take FILE ...]
                                  [flags of `variata train`]

Trains `variata train` on the published training rows (or takes a run that is there, for one
`--data`), writes all test images to one file, reads them back and counts those that differ. All
that a file needs is counted, but for the model, as for every other codec. General codecs get the
images packed, eight binary pixels a byte, and as bytes, whichever is shorter; pictures are counted
one by one, and as one picture of all. Seconds do not include the start of Python, nor the making of
tables, which takes a second once. Rows are kept; --take adds those of copies of the repository.
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import io
import lzma
import math
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from common import table, trained
from PIL import Image
from runs import Run, Runs

from variata import load
from variata.tasks.model import Model
from variata.tasks.source import reopened

DATA = ("binarized_mnist", "mnist", "fashion_mnist")
GENERAL: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda content: gzip.compress(content, 9),
    "bz2": lambda content: bz2.compress(content, 9),
    "xz": lambda content: lzma.compress(content, preset=9 | lzma.PRESET_EXTREME),
}
PICTURES = {
    "PNG": {"format": "PNG", "optimize": True},
    "WebP": {"format": "WebP", "lossless": True, "quality": 100, "method": 6},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", nargs="+", default=list(DATA), choices=DATA)
    parser.add_argument("--recipe", default="vae")
    parser.add_argument("--budget", default="3m")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--run", type=Path, help="a trained run, instead of a training")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--fresh", action="store_true", help="forget the rows that were kept")
    parser.add_argument("--take", nargs="+", type=Path, default=[], help="results of copies")
    options, more = parser.parse_known_args()
    if options.run is not None and len(options.data) > 1:
        parser.error("--run needs the one --data that it was trained on")
    torch.set_num_threads(options.threads)
    runs = Runs("compress", fresh=options.fresh)
    runs.take(options.take)
    which = {name: getattr(options, name) for name in ("recipe", "budget", "seed", "threads")}
    which |= {"more": " ".join(more), "run": options.run and options.run.name}
    for data in () if options.take else options.data:
        runs.get(partial(figures_of, data, options, more), ages=False, data=data, **which)
    rows = [{k: v for k, v in run.items() if k not in which} for run in runs.kept]
    table(rows)
    print(runs.write(rows))


def figures_of(data: str, options: argparse.Namespace, more: list[str]) -> Run:
    """One training, or the run that is there, and its figures."""
    with tempfile.TemporaryDirectory() as folder:
        run = options.run or Path(folder) / "run"
        if options.run is None:
            trained(run, data, options.recipe, options.budget, options.seed, *more)
        return measured(load(run), Path(folder))


def measured(model: Model, folder: Path) -> Run:
    """Bits for each pixel of every codec, and speed and failures of ours."""
    images, file = test_images(model), folder / "images.vrt"
    model.compress(images[:100], file)  # so that libraries are loaded
    made = model.compress(images, file, compare=True)
    began = time.monotonic()
    back = model.decompress(file)
    seconds = time.monotonic() - began
    differ = (back != images).reshape(len(images), -1).any(1)
    bound = made.model_bits_per_dim or math.nan
    others = {name: 8 * size / images.size for name, size in sizes(images).items()}
    return {
        "images": len(images),
        "failures": int(differ.sum()),
        "variata": round(made.bits_per_dim, 5),
        "-ELBO": round(bound, 5),
        "over it, %": round(100 * (made.bits_per_dim / bound - 1), 3),
        "written/s": round(len(images) / made.seconds),
        "read/s": round(len(images) / seconds),
        "first bits": made.first_bits,
        **{name: round(bits, 4) for name, bits in others.items()},
    }


def test_images(model: Model) -> np.ndarray:
    """The run's own test rows, in their own units."""
    test = reopened(model.saved.about["data"]).test
    x = test.gather(torch.arange(len(test))).x
    return model.schema.decode(x, round=True).reshape(len(test), *model.schema.own_shape)


def sizes(images: np.ndarray) -> dict[str, int]:
    """Bytes of all images by each codec."""
    pixels = images.reshape(len(images), *images.shape[-2:]).astype(np.uint8)
    binary = int(pixels.max()) < 2
    contents = [pixels.tobytes(), *([np.packbits(pixels).tobytes()] if binary else [])]
    found = {name: min(len(codec(c)) for c in contents) for name, codec in GENERAL.items()}
    for name, how in PICTURES.items():
        each = sum(len(picture(image, binary and name == "PNG", how)) for image in pixels)
        found[f"{name} each"] = each
        found[f"{name} of all"] = len(picture(mosaic(pixels), binary and name == "PNG", how))
    return found


def mosaic(pixels: np.ndarray) -> np.ndarray:
    """All images in one, a hundred beside one another, with black where there are none left."""
    count, height, width = pixels.shape
    rows = -(-count // 100)
    whole = np.zeros((rows * 100, height, width), np.uint8)
    whole[:count] = pixels
    return whole.reshape(rows, 100, height, width).swapaxes(1, 2).reshape(rows * height, -1)


def picture(image: np.ndarray, one_bit: bool, how: dict[str, object]) -> bytes:
    """A picture file; binary pixels become black and white."""
    file = io.BytesIO()
    grey = Image.fromarray(image * (255 if image.max() < 2 else 1))
    (grey.convert("1") if one_bit else grey).save(file, **how)  # type: ignore[arg-type]
    return file.getvalue()


if __name__ == "__main__":
    main()
