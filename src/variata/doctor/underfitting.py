"""Whether the model has learnt what can be had for little."""

from __future__ import annotations

from variata.doctor.collapse import collapsed
from variata.doctor.commands import longer, train, wider
from variata.doctor.finding import Evidence, Finding
from variata.doctor.misfit import too_high
from variata.doctor.prior import off_moments
from variata.doctor.readings import active, explained, figure, gain, generalisation, latent, rate

USED = 1.0  # nats for each active dimension: below, the rate and not the network limits the detail
FAR = 0.5  # share of what PCA explains: anything less is far worse


def underfitting(evidence: Evidence) -> Finding | None:
    """It does not beat independent elements, or lies far behind PCA of the same size."""
    explained_elsewhere = collapsed(evidence) or too_high(evidence) or off_moments(evidence)
    return None if explained_elsewhere else _no_gain(evidence) or _behind_pca(evidence)


def _no_gain(evidence: Evidence) -> Finding | None:
    gained, gap = gain(evidence), generalisation(evidence)
    if gained is None or gained > 0:
        return None
    if gap is not None and gap.sure and gained + gap.mean > 0:
        return None  # it did beat them on training rows: that is overfitting
    error = figure(evidence, "elbo", "se") or 0.0
    severity = "problem" if gained < -2 * error else "warning" if gained < -error else "note"
    return Finding(
        name="underfitting",
        title="The model does not beat independent elements",
        severity=severity,
        evidence=f"its ELBO is {-gained:.2f} ± {error:.2f} nats per example below the log "
        "likelihood of elements that are modelled one by one, without a latent",
        cause="It was not trained for long enough, or with an unsuitable learning rate.",
        command=train(evidence, epochs=longer(evidence)),
    )


def _behind_pca(evidence: Evidence) -> Finding | None:
    shares = explained(evidence)
    if shares is None or not _comparable(evidence):
        return None
    ours, linear = shares
    if linear <= 0 or ours > FAR * linear:
        return None
    return Finding(
        name="underfitting",
        title="Reconstructions are far worse than those of PCA",
        severity="warning",
        evidence=f"reconstructions explain {max(0.0, ours):.0%} of the variance of test rows, PCA "
        f"with as many dimensions {linear:.0%}",
        cause="The networks have not learnt to use the latent, though it is filled: the training "
        "was too short or the networks are too small.",
        command=train(evidence, epochs=longer(evidence), hidden=wider(evidence)),
    )


def _comparable(evidence: Evidence) -> bool:
    """Whether the latent is as wide as PCA's: all in use, each to more than a little."""
    nats, used = rate(evidence), active(evidence)
    if nats is None:
        return evidence.elbo_test is None
    return used == latent(evidence) and nats > USED * used
