"""Whether the likelihood describes what the latent leaves open."""

from __future__ import annotations

import torch
from torch import Tensor

from variata.doctor.commands import ignoring, named, train, wider
from variata.doctor.finding import Evidence, Finding
from variata.doctor.overfitting import overfits
from variata.doctor.readings import FEWEST, difference, elements, generalisation, names

FAR = 0.5  # of the spread over rows that the likelihood would make itself
EACH = 0.05  # nats per element: a likelihood that is that far off shows in samples
WIDE = 2.0  # times the spread over rows that the likelihood would make
FEW_VALUES = 10  # distinct values: a column of so few is no real number
FEWEST_FOR_VALUES = 100  # rows: fewer may miss values
OTHER = {"poisson": "negative_binomial", "logistic": "logistic_mixture"}


def likelihood_misfit(evidence: Evidence) -> Finding | None:
    """The distortion of the data is not what the likelihood itself would make."""
    if overfits(evidence):
        return None
    return _too_high(evidence) or _too_wide(evidence) or _few_values(evidence)


def _too_high(evidence: Evidence) -> Finding | None:
    gap = difference(evidence.distortion, evidence.self_distortion)
    learnt = generalisation(evidence)
    if gap is None or not gap.sure:
        return None
    excess = gap.mean - max(0.0, learnt.mean if learnt else 0.0)
    spread = float(evidence.self_distortion.double().std())
    if excess < FAR * spread or excess < EACH * elements(evidence):
        return None
    return _finding(
        evidence,
        f"distortion {gap.mean:.2f} ± {gap.se:.2f} nats per example above that of rows drawn from "
        f"p(x | z) itself ({evidence.distortion.double().mean():.2f} against "
        f"{evidence.self_distortion.double().mean():.2f})",
        _why(evidence),
    )


def _too_wide(evidence: Evidence) -> Finding | None:
    if evidence.kind not in {"real", "count"} or len(evidence.distortion) < FEWEST:
        return None
    ours = float(evidence.distortion.double().std())
    its = float(evidence.self_distortion.double().std())
    if not ours > WIDE * its:
        return None
    return _finding(
        evidence,
        f"the distortion spreads over rows with a standard deviation of {ours:.2f} nats, against "
        f"{its:.2f} nats of rows drawn from p(x | z) itself",
        _why(evidence),
    )


def _finding(evidence: Evidence, found: str, cause: str) -> Finding:
    return Finding(
        name="likelihood-misfit",
        title=f"The {evidence.likelihood} likelihood does not describe the data",
        severity="warning",
        evidence=found,
        cause=cause,
        command=_remedy(evidence),
    )


def _why(evidence: Evidence) -> str:
    if evidence.likelihood == "poisson":
        ratio, name = _worst(evidence)
        return (
            f"The counts vary more than a Poisson allows: in column '{name}' the variance is "
            f"{ratio:.3g} times the mean."
        )
    if evidence.likelihood == "gaussian" and evidence.layout == "vector":
        kurtosis, name = _worst(evidence)
        return (
            f"Heavy tails, many equal values or noise of changing size: column '{name}' is "
            f"farthest from a Gaussian (kurtosis {kurtosis:.3g}, a Gaussian has 3)."
        )
    return "What the latent leaves open has another shape than this likelihood has."


def _remedy(evidence: Evidence) -> str:
    if evidence.likelihood in OTHER:
        return train(evidence, "--likelihood", OTHER[evidence.likelihood])
    if evidence.likelihood == "gaussian" and evidence.columns and elements(evidence) > 1:
        return ignoring(evidence, [_worst(evidence)[1]])
    return train(evidence, "--hidden", wider(evidence))


def _worst(evidence: Evidence) -> tuple[float, str]:
    x = evidence.x.flatten(1).double()
    off = _dispersion(x) if evidence.kind == "count" else _kurtosis(x)
    return float(off.max()), names(evidence)[int(off.argmax())]


def _dispersion(x: Tensor) -> Tensor:
    return x.var(0, unbiased=False) / x.mean(0).clamp_min(1e-9)


def _kurtosis(x: Tensor) -> Tensor:
    centred = x - x.mean(0)
    return (centred**4).mean(0) / (centred**2).mean(0).square().clamp_min(1e-30)


def _few_values(evidence: Evidence) -> Finding | None:
    """Columns of few values under a density: worth knowing, not a fault of the run."""
    tabular = evidence.kind == "real" and evidence.layout == "vector"
    if not tabular or len(evidence.x) < FEWEST_FOR_VALUES:
        return None
    columns = evidence.x.flatten(1)
    distinct = [len(torch.unique(column)) for column in columns.T]
    few = [n for n, count in zip(names(evidence), distinct, strict=True) if 1 < count <= FEW_VALUES]
    if not few:
        return None
    counts = [count for count in distinct if 1 < count <= FEW_VALUES]
    return Finding(
        name="likelihood-misfit",
        title="Columns of few values have a Gaussian likelihood",
        severity="note",
        evidence=f"{len(few)} of {columns.shape[1]} columns hold at most {max(counts)} distinct "
        f"values: {named(few)}",
        cause="They are codes or grades rather than measurements: samples fall between their "
        "values, and their nats depend on the smallest gap.",
        command=ignoring(evidence, few[:5]),
    )
