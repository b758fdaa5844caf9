"""Whether the latent is used at all, and how many of its dimensions are spare."""

from __future__ import annotations

from variata.doctor.commands import train
from variata.doctor.finding import Evidence, Finding
from variata.doctor.readings import ACTIVE, FEWEST, active, latent, rate

NOTHING = 0.2  # nats: two examples can hardly be told apart with less


def collapsed(evidence: Evidence) -> bool:
    """Whether the posterior has collapsed as a whole onto the prior."""
    nats = rate(evidence)
    if nats is None:
        return False
    return nats < NOTHING or (len(evidence.means) >= FEWEST and active(evidence) == 0)


def posterior_collapse(evidence: Evidence) -> Finding | None:
    """The latent says nothing about the examples."""
    if not collapsed(evidence):
        return None
    beta = float(evidence.arguments.get("beta", 1.0))
    cause = (
        f"the rate costs beta = {beta:g} times its nats, more than it saves in distortion"
        if beta > 1
        else "the decoder finds nothing in the elements that depends on a common cause, or the "
        "rate was charged before the encoder had learnt to be of use"
    )
    other = 1.0 if beta > 1 else beta / 2
    return Finding(
        name="posterior-collapse",
        title="The latent is not used",
        severity="problem",
        evidence=f"rate {rate(evidence):.3f} nats per example, {active(evidence)} of "
        f"{latent(evidence)} latent dimensions active",
        cause=f"{cause[0].upper()}{cause[1:]}.",
        command=train(evidence, "--beta", f"{other:g}", "--warm-up-share", 0.5, recipe="beta_vae"),
    )


def spare_dimensions(evidence: Evidence) -> Finding | None:
    """Some latent dimensions are at rest, as they may be."""
    used, there = active(evidence), latent(evidence)
    if evidence.rate_each is None or collapsed(evidence) or not 0 < used < there:
        return None
    return Finding(
        name="spare-dimensions",
        title=f"{there - used} of {there} latent dimensions are spare",
        severity="note",
        evidence=f"{used} active dimensions carry {rate(evidence):.1f} nats per example; the "
        f"means of the others have a variance below {ACTIVE:g}, the prior has 1",
        cause="The data needs no more dimensions than these; spare ones cost nothing and do no "
        "harm.",
        command=train(evidence, "--latent", used),
    )

