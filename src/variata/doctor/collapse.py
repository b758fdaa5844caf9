"""Whether the latent is used at all, and how many of its dimensions are spare."""

from __future__ import annotations

from variata.doctor.codes import coded
from variata.doctor.commands import longer, train, unweighed
from variata.doctor.finding import Evidence, Finding
from variata.doctor.readings import ACTIVE, FEWEST, active, latent, rate, rate_weight
from variata.doctor.words import counted, verb

NOTHING = 0.2  # nats: two examples can hardly be told apart with less
SHORT = 300  # steps: the encoder has hardly begun to learn


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
    cause, command = _cause(evidence)
    return Finding(
        name="posterior-collapse",
        title="The latent is not used",
        severity="problem",
        evidence=f"rate {rate(evidence):.3f} nats per example, {active(evidence)} of "
        f"{counted(latent(evidence), 'latent dimension')} active",
        cause=cause,
        command=command,
    )


def _cause(evidence: Evidence) -> tuple[str, str]:
    weight = rate_weight(evidence)
    steps = int(evidence.training.get("steps", SHORT))
    if weight is not None and weight > 1:
        cause = f"The rate costs {weight:g} times its nats, more than it saves in distortion."
        return cause, unweighed(evidence)
    if steps < SHORT:
        few = counted(steps, "step")
        cause = f"The training took {few} only, too few to learn what the latent is for."
        return cause, train(evidence, epochs=longer(evidence), patience=1)
    cause = (
        "The elements have no cause in common that is worth its nats, or the rate was charged "
        "before the encoder had learnt to be of use."
    )
    return cause, train(evidence, recipe="beta_vae", beta=(weight or 1) / 2, warm_up_share=0.5)


def spare_dimensions(evidence: Evidence) -> Finding | None:
    """Some latent dimensions are at rest, as they may be."""
    used, there = active(evidence), latent(evidence)
    if evidence.rate_each is None or collapsed(evidence) or not 0 < used < there:
        return None
    if coded(evidence):  # a class is no dimension of its own
        return None
    return Finding(
        name="spare-dimensions",
        title=f"{there - used} of {there} latent dimensions {verb(there - used)} spare",
        severity="note",
        evidence=f"{counted(used, 'active dimension')} {verb(used, 'carries', 'carry')} "
        f"{rate(evidence):.1f} nats per example; the means of the others have a variance below "
        f"{ACTIVE:g}, the prior has 1",
        cause="The data needs no more dimensions than these; spare ones cost nothing and do no "
        "harm.",
        command=train(evidence, latent=used),
    )
