"""Whether the model knows its training rows better than the data."""

from __future__ import annotations

from variata.doctor.commands import narrower, train
from variata.doctor.finding import Evidence, Finding
from variata.doctor.readings import Gap, gain, generalisation
from variata.doctor.words import counted

SHARE = 0.35  # of what was gained on training rows: healthy runs on small data lose up to a quarter
WORST = 0.7  # so much lost makes the test rows look like noise


def overfits(evidence: Evidence) -> bool:
    """Whether much of the gain on training rows is lost on test rows."""
    measured = _lost(evidence)
    return measured is not None and measured[1] > SHARE


def overfitting(evidence: Evidence) -> Finding | None:
    """The ELBO of training rows is far above that of test rows."""
    measured = _lost(evidence)
    if measured is None or not overfits(evidence):
        return None
    gap, share = measured
    lost = "more than all" if share > 1 else f"{share:.0%}"
    return Finding(
        name="overfitting",
        title="The model has learnt its training rows by heart",
        severity="problem" if share > WORST else "warning",
        evidence=f"the ELBO of training rows is {gap.mean:.2f} ± {gap.se:.2f} nats per example "
        f"above that of test rows: {lost} of what the model gains over independent elements is "
        f"lost ({counted(evidence.train_rows, 'training row')})",
        cause="The network is large for so few training rows, or was trained on them for long.",
        command=train(evidence, hidden=narrower(evidence), weight_decay=0.1),
    )


def _lost(evidence: Evidence) -> tuple[Gap, float] | None:
    """The gap, and the share of the gain on training rows that it takes."""
    gap, gained = generalisation(evidence), gain(evidence)
    if gap is None or gained is None or not gap.sure:
        return None
    on_training = gained + gap.mean
    return (gap, gap.mean / on_training) if on_training > 0 else None
