"""The beta-VAE score: whether the differences of pairs tell which factor they share."""

from __future__ import annotations

import numpy as np

from variata.metrics.disentangle.sharing import Sharing
from variata.metrics.disentangle.table import Table
from variata.metrics.rows import Values

POINTS, PAIRS = 2_000, 64
ELEMENTS = 1 << 23  # codes gathered at a time


def beta_vae_score(
    codes: Values, factors: Values, *, points: int = POINTS, pairs: int = PAIRS, seed: int = 0
) -> float:
    """Return the accuracy of a linear classifier of the factor that pairs of rows share.

    A point is the mean of |z_1 - z_2| over pairs of rows that share the value of one factor, in
    units of each code's standard deviation. The classifier learns from half of the points, and the
    accuracy is that on the other half. Chance is 1 / F.

    Args:
        codes, factors: (N, L) and whole numbers (N, F). Pairs are different rows with equal values.
        points: to learn from, and as many to measure on.
        pairs: of a point.
        seed: of the pairs.

    Raises:
        DataError: unusable rows, fewer than two factors that vary, or one without two equal values.
        ShapeError: not as many codes as factors.

    Reference:
        beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework
        (Higgins et al., 2017), ICLR

    >>> factors = np.stack(np.unravel_index(np.arange(64), (8, 8)), axis=1)
    >>> beta_vae_score(factors, factors)
    1.0
    """
    from sklearn.linear_model import LogisticRegression

    table = Table.of(codes, factors)
    table.require_factors(2, "The beta-VAE score")
    random = np.random.default_rng(seed)
    known, kept = (_points(table, points, pairs, random) for _ in range(2))
    middle, spread = known[0].mean(0), known[0].std(0)
    scaled = [(x - middle) / np.where(spread > 0, spread, 1) for x in (known[0], kept[0])]
    model = LogisticRegression(max_iter=1_000).fit(scaled[0], known[1])
    return float((model.predict(scaled[1]) == kept[1]).mean())


def _points(
    table: Table, points: int, pairs: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Differences (n, L) and the factor that each shares (n,), all factors equally often."""
    each = max(1, points // len(table.names))
    differences = []
    for values, name in zip(table.factors.T, table.names, strict=True):
        rows = Sharing(values, name).pairs(random, (each, pairs))
        differences.append(_differences(table.codes, rows))
    return np.concatenate(differences), np.repeat(np.arange(len(table.names)), each)


def _differences(codes: np.ndarray, rows: np.ndarray) -> np.ndarray:
    step = max(1, ELEMENTS // (rows.shape[2] * codes.shape[1]))
    parts = [rows[:, i : i + step] for i in range(0, rows.shape[1], step)]
    return np.concatenate([np.abs(codes[a] - codes[b]).mean(1) for a, b in parts])
