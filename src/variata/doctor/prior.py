"""Whether latents drawn from the prior look like those of the data."""

from __future__ import annotations

import torch
from torch import Tensor

from variata.doctor.codes import coded
from variata.doctor.collapse import collapsed
from variata.doctor.commands import longer, refit, train, unweighed
from variata.doctor.finding import Evidence, Finding
from variata.doctor.readings import (
    FEWEST,
    active,
    explained,
    figure,
    latent,
    rate,
    rate_weight,
)
from variata.doctor.words import counted, verb

OFFENCE = 0.15  # nats in one dimension: a mean 0.55 off, or a standard deviation of 0.7 or 1.5
APART = 0.3  # share of the rate: what q(z) wastes beside the prior, where it can be measured
ROOM = 3.0  # nats below the ceiling log N: nearer to it the information is underestimated
LEAST = 2.0  # nats: less hardly shows in samples
MANY_TIMES = 30.0  # the Frechet distance of training rows: no sample looks like a row
FAITHFUL = 0.7  # share of the variance: good reconstructions
STRANGE = 0.2  # precision: four samples in five lie outside the data


def prior_mismatch(evidence: Evidence) -> Finding | None:
    """Good reconstructions, bad samples."""
    if collapsed(evidence):
        return None
    found = off_moments(evidence) or _divergence(evidence) or _strange_samples(evidence)
    if found is None:
        return None
    cause, command = _cause(evidence)
    return Finding(
        name="prior-mismatch",
        title="Samples start from latents that the data never has",
        severity="warning",
        evidence=found,
        cause=cause,
        command=command,
    )


def off_moments(evidence: Evidence) -> str | None:
    """Whether the latents of the data have other moments than the prior, in words."""
    if evidence.scales is None or len(evidence.means) < FEWEST:
        return None
    mean, sd = aggregate(evidence)
    offence = (mean**2 + sd**2 - 1) / 2 - sd.log()
    worst = int(offence.argmax())
    if not float(offence[worst]) > OFFENCE:
        return None
    count, there = int((offence > OFFENCE).sum()), counted(len(mean), "dimension")
    return (
        f"over the test rows, latent dimension {worst} has mean {float(mean[worst]):.2f} and "
        f"standard deviation {float(sd[worst]):.2f}, where the prior has 0 and 1"
        f"{_scaled(evidence)}; so far off {verb(count)} {count} of {there}"
    )


def _scaled(evidence: Evidence) -> str:
    return "" if evidence.prior is None else " (in units of the learned prior)"


def aggregate(evidence: Evidence) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of the latents of all test rows, (Z,).

    In each dimension, counted from the prior's mean in the prior's standard deviations.
    """
    means = evidence.means.flatten(1).double()
    scales = torch.zeros_like(means) if evidence.scales is None else evidence.scales.flatten(1)
    variance = means.var(0, unbiased=False) + scales.double().square().mean(0)
    mean, sd = means.mean(0), variance.clamp_min(1e-12).sqrt()
    prior = evidence.prior
    return (mean, sd) if prior is None else ((mean - prior.mean) / prior.sd, sd / prior.sd)


def _divergence(evidence: Evidence) -> str | None:
    information = figure(evidence, "mutual_information", "mean")
    ceiling = figure(evidence, "mutual_information", "ceiling")
    gap, nats = figure(evidence, "prior_gap", "marginal_kl", "mean"), rate(evidence)
    if gap is None or nats is None or information is None or ceiling is None:
        return None
    if ceiling - information < ROOM or gap < LEAST or gap < APART * nats:
        return None
    return (
        f"the KL divergence of q(z) from p(z) is {gap:.2f} nats, {gap / nats:.0%} of the rate of "
        f"{nats:.2f} nats per example"
    )


def _strange_samples(evidence: Evidence) -> str | None:
    ours = figure(evidence, "samples", "frechet")
    perfect = figure(evidence, "samples", "frechet_of_training_rows")
    precision, shares = figure(evidence, "samples", "precision"), explained(evidence)
    if ours is None or perfect is None or precision is None or shares is None:
        return None
    if ours < MANY_TIMES * perfect or precision > STRANGE or shares[0] < FAITHFUL:
        return None
    return (
        f"reconstructions explain {shares[0]:.0%} of the variance, but samples have {ours:.2f} of "
        f"Frechet distance (training rows {perfect:.2f}) and a precision of {precision:.2f}"
    )


def _cause(evidence: Evidence) -> tuple[str, str]:
    if coded(evidence):
        cause = "The prior does not know which codes go together."
        return cause, refit(evidence, "autoregressive")
    weight = rate_weight(evidence)
    if weight is not None and weight < 1:
        cause = f"At {weight:g} of its nats the rate is too cheap to hold posteriors to the prior."
        return cause, unweighed(evidence)
    if active(evidence) == latent(evidence):
        cause = "So few latent dimensions cannot hold the data in the shape of the prior."
        return cause, train(evidence, latent=2 * latent(evidence))
    cause = "The posteriors have not come to fill the prior, for want of training."
    return cause, train(evidence, epochs=longer(evidence))
