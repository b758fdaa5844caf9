"""Real columns that no Gaussian describes, whatever the latent explains."""

from __future__ import annotations

import torch
from torch import Tensor

from variata.doctor.commands import ignoring
from variata.doctor.finding import Evidence, Finding, Severity
from variata.doctor.readings import names
from variata.doctor.words import counted, named

FEWEST = 100  # rows: fewer may miss values
FEW_VALUES = 10  # distinct values: a column of so few is no real number
LUMP = 0.3  # share of rows with one and the same value: no density has that
HEAVY = 50.0  # kurtosis (a Gaussian has 3): a few rows make all of the variance


def unusual_columns(evidence: Evidence) -> Finding | None:
    """Columns with heavy tails, else those with a lump at one value, else those of few values."""
    tabular = evidence.kind == "real" and evidence.layout == "vector"
    if not tabular or len(evidence.x) < FEWEST:
        return None
    columns = evidence.x.flatten(1).double().T
    counts = [torch.unique(column, return_counts=True)[1] for column in columns]
    distinct = torch.tensor([len(count) for count in counts])
    lump = torch.tensor([int(count.max()) for count in counts]) / columns.shape[1]
    many = distinct > FEW_VALUES
    return (
        _heavy(evidence, kurtosis(columns.T), many)
        or _lumped(evidence, lump, many)
        or _graded(evidence, distinct)
    )


def kurtosis(x: Tensor) -> Tensor:
    """Of columns x (N, D): the fourth moment over the squared second; 3 for a Gaussian.

    >>> kurtosis(torch.tensor([[-1.0], [1.0]]))
    tensor([1.])
    """
    centred = x - x.mean(0)
    return (centred**4).mean(0) / (centred**2).mean(0).square().clamp_min(1e-30)


def _heavy(evidence: Evidence, off: Tensor, many: Tensor) -> Finding | None:
    return _finding(
        evidence,
        many & (off > HEAVY),
        "Heavy tails under a Gaussian likelihood",
        "warning",
        f"the kurtosis reaches {float(off.masked_fill(~many, 0.0).max()):.3g} where a Gaussian has "
        "3, in",
        "A few rows far outside the others make nearly all of the variance that is learnt: take "
        "the logarithm of these columns or leave them out.",
    )


def _lumped(evidence: Evidence, lump: Tensor, many: Tensor) -> Finding | None:
    return _finding(
        evidence,
        many & (lump > LUMP),
        "A lump at one value under a Gaussian likelihood",
        "warning",
        f"up to {float(lump.masked_fill(~many, 0.0).max()):.0%} of the rows share one value, in",
        "Such columns are zero or absent in many rows and measured in the others, which one "
        "density cannot say.",
    )


def _graded(evidence: Evidence, distinct: Tensor) -> Finding | None:
    few = (distinct > 1) & (distinct <= FEW_VALUES)
    return _finding(
        evidence,
        few,
        "Columns of few values under a Gaussian likelihood",
        "note",
        f"no more than {int(distinct.masked_fill(~few, 0).max())} distinct values, in",
        "They are codes or grades rather than measurements: samples fall between their values, "
        "and their nats depend on the smallest gap.",
    )


def _finding(
    evidence: Evidence, which: Tensor, title: str, severity: Severity, found: str, cause: str
) -> Finding | None:
    columns = [n for n, bad in zip(names(evidence), which.tolist(), strict=True) if bad]
    if not columns:
        return None
    return Finding(
        name="likelihood-misfit",
        title=title,
        severity=severity,
        evidence=f"{found} {len(columns)} of {counted(len(which), 'column')}: {named(columns)}",
        cause=cause,
        command=ignoring(evidence, columns[:5]),
    )
