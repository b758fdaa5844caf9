"""Static binarised MNIST: what the default recipe reaches in a given time.

    python benchmarks/static_mnist.py --budget 3m --k 500

Trains on the published 50,000 rows, chooses on the 10,000 of validation, and measures the
importance-weighted bound on all 10,000 test rows. Needs `binarized_mnist` (see `variata data`).
"""

from __future__ import annotations

import argparse

from common import table, trained_and_measured, write

DATA = "binarized_mnist"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--budget", default="3m")
    parser.add_argument("--k", type=int, default=500)
    parser.add_argument("--recipe", default="vae")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args()
    rows = [
        trained_and_measured(options.recipe, DATA, options.budget, options.k, seed)
        for seed in options.seeds
    ]
    table(rows)
    settings = {"data": DATA, "budget": options.budget, "k": options.k}
    print(write(f"static_mnist_{options.recipe}_{options.budget}", rows, settings))


if __name__ == "__main__":
    main()
