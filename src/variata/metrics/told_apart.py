"""Whether a classifier can tell samples from data."""

from __future__ import annotations

import warnings

import numpy as np
import torch

from variata.errors import DataError
from variata.metrics.estimate import Estimate
from variata.metrics.rows import Values, as_rows, check_same_width, some_rows

HIDDEN, ROUNDS, DECAY = 64, 60, 1e-2


def two_sample_test(real: Values, fake: Values, seed: int = 0) -> Estimate:
    """Return how often a classifier rightly tells data (N, F) from samples (M, F), 0 to 1.

    About 1/2 where it cannot, and 1 where samples always show. A fully connected network with one
    hidden layer learns from one half of the rows, as many of each kind, and is judged on the other
    half; then the halves change places. Revisiting Classifier Two-Sample Tests, Lopez-Paz and
    Oquab, 2017, arXiv 1610.06545.

    Args:
        real, fake: in features; of the larger set as many rows are taken as the smaller has.
        seed: of the halves and the networks.

    Raises:
        DataError: fewer than 4 rows of a kind, or a value that is not finite.
        ShapeError: the sets differ in width.

    >>> x = np.random.default_rng(0).normal(size=(200, 2))
    >>> two_sample_test(x[:100], x[100:] + 9).mean
    1.0
    """
    x, y = as_rows(real, "data"), as_rows(fake, "samples")
    check_same_width(x, y, ("data", "samples"))
    count = min(len(x), len(y))
    if count < 4:
        raise DataError(f"two_sample_test needs at least 4 rows of each kind, got {count}.")
    order = torch.Generator().manual_seed(seed)
    halves = [
        some_rows(rows, count, seed)[torch.randperm(count, generator=order)] for rows in (x, y)
    ]
    first, second = (torch.cat([rows[i::2] for rows in halves]).numpy() for i in (0, 1))
    kinds = [np.repeat([0, 1], [len(rows[i::2]) for rows in halves]) for i in (0, 1)]
    right = [
        _right(first, kinds[0], second, kinds[1], seed),
        _right(second, kinds[1], first, kinds[0], seed),
    ]
    return Estimate.of(torch.from_numpy(np.concatenate(right)).double())


def _right(
    known: np.ndarray, kinds: np.ndarray, judged: np.ndarray, truth: np.ndarray, seed: int
) -> np.ndarray:
    """For which of the judged rows a network that knows the others is right."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    network = MLPClassifier((HIDDEN,), alpha=DECAY, max_iter=ROUNDS, random_state=seed)
    model = make_pipeline(StandardScaler(), network)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # so many rounds are the definition
        model.fit(known, kinds)
    return model.predict(judged) == truth
