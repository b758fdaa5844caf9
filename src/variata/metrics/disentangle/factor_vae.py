"""The FactorVAE score: whether the code that varies least names the factor that is fixed."""

from __future__ import annotations

import numpy as np

from variata.metrics.disentangle.sharing import Sharing
from variata.metrics.disentangle.table import Table
from variata.metrics.rows import Values

VOTES, GROUP = 2_000, 64
ELEMENTS = 1 << 23  # codes gathered at a time


def factor_vae_score(
    codes: Values, factors: Values, *, votes: int = VOTES, group: int = GROUP, seed: int = 0
) -> float:
    """Return the accuracy of a majority vote for the factor that a group of rows shares.

    Each vote is a group of rows with one value of one factor, and the code that varies least
    within it, in units of its variance over all rows. Of half the votes, each code learns which
    factor it stands for most often; the accuracy is that on the other half. Chance is 1 / F.
    Constant codes are left out, as in the paper; where all are constant, the score is 0.

    Args:
        codes, factors: (N, L) and whole numbers (N, F). Groups are drawn, with replacement, from
            the rows with an equal value, of which there should be many times as many as codes.
        votes: to learn from, and as many to measure on.
        group: rows of a group.
        seed: of the groups.

    Raises:
        DataError: unusable rows, fewer than two factors that vary, or one without two equal values.
        ShapeError: not as many codes as factors.

    Reference:
        Disentangling by Factorising (Kim and Mnih, 2018), arXiv:1802.05983

    >>> factors = np.stack(np.unravel_index(np.arange(64), (8, 8)), axis=1)
    >>> factor_vae_score(factors, factors)
    1.0
    """
    table = Table.of(codes, factors)
    table.require_factors(2, "The FactorVAE score")
    if not table.varying.any():
        return 0.0
    varying, random = table.codes[:, table.varying], np.random.default_rng(seed)
    known, kept = (_ballots(table, varying, votes, group, random) for _ in range(2))
    stands_for = known.argmax(1)
    return float(kept[np.arange(len(kept)), stands_for].sum() / kept.sum())


def _ballots(
    table: Table, codes: np.ndarray, votes: int, group: int, random: np.random.Generator
) -> np.ndarray:
    """How often each code was the steadiest while each factor was fixed, (L, F)."""
    each = max(1, votes // len(table.names))
    columns = []
    for values, name in zip(table.factors.T, table.names, strict=True):
        rows = Sharing(values, name).groups(random, each, group)
        columns.append(np.bincount(_steadiest(codes, rows), minlength=codes.shape[1]))
    return np.stack(columns, axis=1)


def _steadiest(codes: np.ndarray, rows: np.ndarray) -> np.ndarray:
    step = max(1, ELEMENTS // (rows.shape[1] * codes.shape[1]))
    parts = [rows[i : i + step] for i in range(0, len(rows), step)]
    return np.concatenate([codes[part].var(1).argmin(1) for part in parts])
