"""Static binarised MNIST: what the default recipe reaches in a given time.

    python benchmarks/static_mnist.py --budget 3m --k 500

Trains on the published 50,000 rows, chooses on the 10,000 of validation, and measures the
importance-weighted bound on all 10,000 test rows. Needs `binarized_mnist` (see `variata data`).
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from common import table, variata, write


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--budget", default="3m")
    parser.add_argument("--k", type=int, default=500)
    parser.add_argument("--recipe", default="vae")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args()
    rows = [run(options.recipe, options.budget, options.k, seed) for seed in options.seeds]
    table(rows)
    settings = {"data": "binarized_mnist", "budget": options.budget, "k": options.k}
    print(write(f"static_mnist_{options.recipe}_{options.budget}", rows, settings))


def run(recipe: str, budget: str, k: int, seed: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder) / "run")
        chosen = ["--recipe", recipe, "--budget", budget, "--seed", str(seed), "--out", out]
        text, seconds = variata("train", "binarized_mnist", *chosen, "--quiet", "--json")
        training = json.loads(text)["training"]
        text, _ = variata("evaluate", out, "--k", str(k), "--no-samples", "--no-report", "--json")
        figures = json.loads(text)
    return {
        "recipe": recipe,
        "seed": seed,
        "command seconds": round(seconds, 1),
        "epochs": round(training["epochs"], 1),
        "test NLL, nats": round(figures["nll"]["mean"], 3),
        "se": round(figures["nll"]["se"], 3),
        "ELBO": round(figures["elbo"]["mean"], 3),
        "rate": round(figures["rate"]["mean"], 2),
        "active": f"{figures['active_units']} of {figures['latent']}",
    }


if __name__ == "__main__":
    main()
