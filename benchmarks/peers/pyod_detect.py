"""A detector of PyOD with its defaults: `pyod_detect.py TABLE.npz NAME SEED [--own]`.

Prints the AUROC, and the largest difference between the scores of two calls.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import torch
from pyod.models.iforest import IForest
from pyod.models.knn import KNN
from pyod.models.vae import VAE
from sklearn.metrics import roc_auc_score

MAKE = {
    "knn": lambda seed: KNN(),
    "iforest": lambda seed: IForest(random_state=seed),
    "vae": lambda seed: VAE(random_state=seed, verbose=0),
}


def main() -> None:
    path, name, seed = sys.argv[1], sys.argv[2], int(sys.argv[3])
    torch.manual_seed(seed)
    with np.load(path) as arrays:
        train, test, y = (arrays[key] for key in ("train", "test", "y"))
    began = time.monotonic()
    detector = MAKE[name](seed)
    detector.fit(train)
    seconds = time.monotonic() - began
    scores = told(detector, test)
    moved = float(np.abs(scores - told(detector, test)).max())
    own = "--own" in sys.argv  # what a detector says of the rows that it was fitted to
    value = roc_auc_score(y, detector.decision_scores_ if own else scores)
    print(json.dumps({"auroc": value, "seconds": round(seconds, 2), "moved": moved}))


def told(detector: object, rows: np.ndarray) -> np.ndarray:
    """Scores, of which those that are not finite are the highest (some of the VAE's are)."""
    return np.nan_to_num(detector.decision_function(rows), nan=1e30, posinf=1e30)


if __name__ == "__main__":
    main()
