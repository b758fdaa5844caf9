"""Every kind of data with no flag at all: does it work, and does it beat independent elements?

    python benchmarks/any_data.py [--only digits frey_faces ...]

Rows: catalogue sets, a folder of 37x53 RGB pictures (cut from CIFAR-10 cats, enlarged), and a table
of real numbers as .csv. Pictures of each run are left in `benchmarks/results/any_data/`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from common import RESULTS, table, variata, write

CATALOGUE = ("digits", "frey_faces", "fashion_mnist", "cifar10_cats")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", nargs="+")
    parser.add_argument("--budget", help="bound each training, such as 3m")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = {name: name for name in CATALOGUE}
        made |= {"folder": pictures(Path(folder)), "csv": numbers(Path(folder))}
        names = options.only or list(made)
        rows = [
            run(name, made[name], Path(folder) / "runs" / name, options.budget) for name in names
        ]
    table(rows)
    print(write("any_data", rows, {"budget": options.budget}))


def run(name: str, data: str, out: Path, budget: str | None) -> dict[str, object]:
    bounded = ["--budget", budget] if budget else []
    text, seconds = variata("train", data, "--out", str(out), "--quiet", "--json", *bounded)
    arguments = json.loads(text)["arguments"]
    text, _ = variata("evaluate", str(out), "--json", "--no-report")
    figures = json.loads(text)
    keep = RESULTS / "any_data"
    keep.mkdir(parents=True, exist_ok=True)
    for verb, extra in (("sample", ["--mean"]), ("reconstruct", [])):
        variata(verb, str(out), *extra, "--out", str(keep / f"{name}-{verb}.png"))
    return {
        "data": name,
        "network": arguments["network"],
        "likelihood": arguments["likelihood"],
        "train seconds": round(seconds, 1),
        "bits/dim": round(figures["bits_per_dim"], 4),
        "independent": round(figures["baselines"]["factorised"]["bits_per_dim"], 4),
        "rate": round(figures["rate"]["mean"], 1),
        "active": figures["active_units"],
        "rmse": round(figures["reconstruction"]["rmse"]["mean"], 4),
        "rmse of PCA": round(figures["baselines"]["pca"]["rmse"]["mean"], 4),
    }


def pictures(folder: Path) -> str:
    """A folder of 37x53 RGB pictures in PNG files."""
    from PIL import Image

    from variata.data import open_source

    target = folder / "pictures"
    target.mkdir(exist_ok=True)
    values = open_source("cifar10_cats").values[:2_000]
    for i, value in enumerate(values):
        Image.fromarray(value).resize((53, 37), Image.Resampling.BICUBIC).save(
            target / f"{i:05}.png"
        )
    return str(target)


def numbers(folder: Path) -> str:
    """A table of real numbers that come from scikit-learn's breast cancer set."""
    import numpy as np
    from sklearn.datasets import load_breast_cancer

    cancer: Any = load_breast_cancer()
    path = folder / "cancer.csv"
    names = ",".join(name.replace(" ", "_") for name in cancer.feature_names)
    np.savetxt(path, cancer.data, delimiter=",", header=names, comments="")
    return str(path)


if __name__ == "__main__":
    main()
