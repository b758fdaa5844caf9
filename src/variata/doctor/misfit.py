"""Whether the likelihood describes what the latent leaves open."""

from __future__ import annotations

from torch import Tensor

from variata.doctor.collapse import collapsed
from variata.doctor.commands import ignoring, train, wider
from variata.doctor.finding import Evidence, Finding
from variata.doctor.overfitting import overfits
from variata.doctor.readings import FEWEST, difference, elements, gain, generalisation, names
from variata.doctor.tails import kurtosis, unusual_columns

FAR = 0.5  # of the spread over rows that the likelihood would make itself
EACH = 0.05  # nats per element: a likelihood that is that far off shows in samples
SURE = 3.0  # standard errors
WIDE = 2.0  # times the spread over rows that the likelihood would make
OTHER = {"poisson": "negative_binomial", "logistic": "logistic_mixture"}


def likelihood_misfit(evidence: Evidence) -> Finding | None:
    """The distortion of the data is not what the likelihood itself would make."""
    if overfits(evidence):
        return None
    found = too_high(evidence) or _too_wide(evidence)
    if found is not None:
        return Finding(
            name="likelihood-misfit",
            title=f"The {evidence.likelihood} likelihood does not describe the data",
            severity="warning",
            evidence=found,
            cause=_why(evidence),
            command=_remedy(evidence),
        )
    return unusual_columns(evidence)


def too_high(evidence: Evidence) -> str | None:
    """Whether the data costs more than rows drawn from the likelihood, in words."""
    gap = difference(evidence.distortion, evidence.self_distortion)
    learnt = generalisation(evidence)
    if gap is None:
        return None
    excess = gap.mean - max(0.0, learnt.mean if learnt else 0.0)
    spread = float(evidence.self_distortion.double().std())
    if not excess > SURE * gap.se:
        return None
    if excess < FAR * spread or excess < EACH * elements(evidence):
        return None
    return (
        f"distortion {gap.mean:.2f} ± {gap.se:.2f} nats per example above that of rows drawn from "
        f"p(x | z) itself ({evidence.distortion.double().mean():.2f} against "
        f"{evidence.self_distortion.double().mean():.2f})"
    )


def _too_wide(evidence: Evidence) -> str | None:
    if evidence.kind not in {"real", "count"} or len(evidence.distortion) < FEWEST:
        return None
    gained = gain(evidence)
    if collapsed(evidence) or (gained is not None and gained < 0):
        return None  # what the latent does not explain is seen as spread too
    ours = float(evidence.distortion.double().std())
    its = float(evidence.self_distortion.double().std())
    if not ours > WIDE * its:
        return None
    return (
        f"the distortion spreads over rows with a standard deviation of {ours:.2f} nats, against "
        f"{its:.2f} nats of rows drawn from p(x | z) itself"
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
        return train(evidence, likelihood=OTHER[evidence.likelihood])
    if evidence.likelihood == "gaussian" and evidence.columns and elements(evidence) > 1:
        return ignoring(evidence, [_worst(evidence)[1]])
    return train(evidence, hidden=wider(evidence))


def _worst(evidence: Evidence) -> tuple[float, str]:
    x = evidence.x.flatten(1).double()
    off = _dispersion(x) if evidence.kind == "count" else kurtosis(x)
    return float(off.max()), names(evidence)[int(off.argmax())]


def _dispersion(x: Tensor) -> Tensor:
    return x.var(0, unbiased=False) / x.mean(0).clamp_min(1e-9)
