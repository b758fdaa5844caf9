"""Models that have no likelihood at all."""

from __future__ import annotations

from variata.doctor.commands import train
from variata.doctor.finding import Evidence, Finding
from variata.doctor.readings import latent
from variata.doctor.words import counted


def no_likelihood(evidence: Evidence) -> Finding | None:
    """Nothing to score with: a generator, or an autoencoder, which cannot be sampled either."""
    if evidence.elbo_test is not None:
        return None
    if evidence.samples is not None and not latent(evidence):
        return Finding(
            name="no-likelihood",
            title="This model cannot be scored",
            severity="note",
            evidence="it makes examples of noise and judges none, so that there is no likelihood",
            cause=f"The recipe {evidence.recipe} learns from a critic instead of a likelihood.",
            command=train(evidence, recipe="vae"),
        )
    return Finding(
        name="no-likelihood",
        title="This model cannot be sampled or scored",
        severity="note",
        evidence=f"its posterior is a point in {counted(latent(evidence), 'dimension')} "
        "without a rate, so that there is no ELBO",
        cause=f"The recipe {evidence.recipe} has no prior: it is a code, not a distribution.",
        command=train(evidence, recipe="vae"),
    )
