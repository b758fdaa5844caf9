"""What is no VAE, beside the plain one: likelihood, and samples in the features of a classifier.

    python benchmarks/rivals.py [--budget 600] [--seeds 0 1 2] [--what likelihood samples]
                                [--recipes NAME ...] [--data NAME ...] [--take FILE ...]

Each recipe trains for the same wall-clock time, with no argument set by hand. `likelihood`: nats of
the 10,000 test rows of `binarized_mnist`, of those of MNIST drawn once as zeros and ones where
training draws them anew at every step, and bits per dimension of those of MNIST's 256 grey levels,
with what each figure is: exact, a bound or estimated. `samples`: the Frechet distance of
10,000 samples to the test rows of MNIST, also as a share of the plain VAE's, and how many of the
ten digits have at least a quarter of their share among the samples, as the classifier of the same
features tells them. Each run is kept as it comes, so that the same command goes on where it was
interrupted; recipes can be run side by side in copies of the repository, whose results are then
taken together.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from statistics import median

from common import table, variata
from runs import EnoughError, Run, Runs

ANEW = "mnist, binarised anew"
LIKELIHOOD = {
    "binarized_mnist": ("autoregressive", "vae", "kernel_density", "independent"),
    ANEW: ("autoregressive",),
    "mnist": ("flow", "autoregressive", "diffusion", "vae", "pca_gaussian", "independent"),
}
SAMPLES = ("vae", "gan", "diffusion", "latent_diffusion", "flow", "autoregressive")
CHECKED = 2_000  # samples whose classes are told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--what", nargs="+", choices=list(WHAT), default=list(WHAT))
    parser.add_argument("--budget", type=int, default=600, help="seconds of each training")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--recipes", nargs="+", help="only these")
    parser.add_argument("--data", nargs="+", choices=list(LIKELIHOOD), default=list(LIKELIHOOD))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--most", type=int, help="runs to make now")
    parser.add_argument("--fresh", action="store_true", help="forget the runs that were kept")
    parser.add_argument("--take", nargs="+", type=Path, default=[], help="results of copies")
    asked = parser.parse_args()
    runs = Runs("rivals", asked.most, asked.fresh)
    runs.take(asked.take)
    try:
        rows = [row for what in asked.what for row in WHAT[what](runs, asked)]
    except EnoughError:
        print("More runs are left.")
        return
    for row in rows:
        table([row])
    print(runs.write(rows, {"budget": asked.budget, "seeds": asked.seeds, "device": asked.device}))


def likelihood(runs: Runs, asked: argparse.Namespace) -> list[Run]:
    """Nats and bits of test rows."""
    rows: list[Run] = []
    for data in asked.data:
        for recipe in _chosen(LIKELIHOOD[data], asked):
            found = _of_seeds(runs, asked, data, recipe, samples=False)
            row = {"data": data, "recipe": recipe, "likelihood": found[0]["likelihood"]}
            row |= {"nats": round(median(run["nats"] for run in found), 2)}
            row |= {"bits/dim": round(median(run["bits"] for run in found), 4)}
            rows.append(row | {"epochs": found[0]["epochs"]})
    return rows


def samples(runs: Runs, asked: argparse.Namespace) -> list[Run]:
    """Frechet distances, and classes that occur."""
    rows: list[Run] = []
    for recipe in _chosen(SAMPLES, asked):
        found = _of_seeds(runs, asked, "mnist", recipe, samples=True)
        row = {"recipe": recipe, "frechet": [round(run["frechet"], 2) for run in found]}
        row |= {"precision": round(median(run["precision"] for run in found), 2)}
        row |= {"recall": round(median(run["recall"] for run in found), 2)}
        rows.append(row | {"classes": [run["classes"] for run in found]})
    plain = [median(row["frechet"]) for row in rows if row["recipe"] == "vae"]
    for row in rows if plain else []:
        row["of the VAE's"] = round(median(row["frechet"]) / plain[0], 2)
    return rows


def _of_seeds(
    runs: Runs, asked: argparse.Namespace, data: str, recipe: str, samples: bool
) -> list[Run]:
    return [
        runs.get(
            lambda seed=seed: trained(data, recipe, asked.budget, seed, samples, asked.device),
            data=data,
            recipe=recipe,
            budget=asked.budget,
            seed=seed,
            samples=samples,
            device=asked.device,
        )
        for seed in asked.seeds
    ]


def trained(data: str, recipe: str, budget: int, seed: int, samples: bool, device: str) -> Run:
    """One `variata train`, and what comes of it."""
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder) / "run")
        chosen = ["--recipe", recipe, "--budget", f"{budget}s", "--seed", str(seed), "--out", out]
        asked = ["mnist", "--binarise"] if data == ANEW else [data]
        chosen += ["--device", device, "--quiet", "--json"]
        text, seconds = variata("train", *asked, *chosen)
        training = json.loads(text)["training"]
        run = {"seconds": round(seconds, 1), "epochs": round(training["epochs"], 2)}
        return run | (of_samples(out) if samples else of_rows(out))


def of_rows(folder: str) -> Run:
    """The likelihood of all test rows."""
    text, _ = variata("evaluate", folder, "--no-report", "--json", "--no-samples")
    figures = json.loads(text)
    run: Run = {"likelihood": figures["likelihood"]}
    if figures["nll"] is None:
        return run
    nats = {"nats": figures["nll"]["mean"], "se": figures["nll"]["se"]}
    return run | nats | {"bits": figures["bits_per_dim"]}


def of_samples(folder: str) -> Run:
    """How near samples come to test rows, and how many digits occur among the first of them."""
    from variata import load
    from variata.metrics import mode_coverage
    from variata.tasks.comparison.measured import classes_told
    from variata.tasks.samples import Judged, draw_samples, features_for
    from variata.tasks.source import reopened

    model = load(folder)
    splits = reopened(model.saved.about["data"])
    features = features_for({"name": "mnist", "source": "mnist"}, splits.train, None)
    began = time.monotonic()
    fake = draw_samples(model.module, len(splits.test), 0)
    each = 1_000 * (time.monotonic() - began) / len(fake)
    found = Judged(features, fake, splits.train, splits.test).figures()
    few = Judged(features, fake[:CHECKED], splits.train, splits.test)
    run = {name: found[name] for name in ("frechet", "precision", "recall")}
    classes = mode_coverage(*classes_told(features, few)).covered
    return run | {"classes": classes, "ms per sample": round(each, 3)}


def _chosen(recipes: tuple[str, ...], asked: argparse.Namespace) -> list[str]:
    return [name for name in recipes if not asked.recipes or name in asked.recipes]


WHAT = {"likelihood": likelihood, "samples": samples}


if __name__ == "__main__":
    main()
