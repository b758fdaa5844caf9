"""Whether the model knows its training rows better than the data."""

from __future__ import annotations

from variata.doctor.commands import narrower, train
from variata.doctor.finding import Evidence, Finding
from variata.doctor.readings import Gap, gain, generalisation
from variata.doctor.words import counted

SHARE = 0.35  # of what was gained on training rows: healthy runs on small data lose up to a quarter
WORST = 0.7  # so much lost makes the test rows look like noise


def overfits(evidence: Evidence) -> bool:
    """Whether much of the gain on training rows is lost on test rows, beyond what chance explains.

    A few test rows may be harder than the rest: the gap counts less twice its standard error.
    """
    measured = _measured(evidence)
    if measured is None:
        return False
    gap, gained = measured
    return _share(gap.mean - 2 * gap.se, gained) > SHARE


def overfitting(evidence: Evidence) -> Finding | None:
    """The ELBO of training rows is far above that of test rows."""
    measured = _measured(evidence)
    if measured is None or not overfits(evidence):
        return None
    gap, gained = measured
    share = _share(gap.mean, gained)
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


def _measured(evidence: Evidence) -> tuple[Gap, float] | None:
    """The gap, and what is gained over independent elements on test rows."""
    gap, gained = generalisation(evidence), gain(evidence)
    if gap is None or gained is None or not gap.sure:
        return None
    return (gap, gained) if gained + gap.mean > 0 else None


def _share(gap: float, gained: float) -> float:
    """Of the gain on training rows, what the gap takes."""
    return gap / (gained + gap) if gained + gap > 0 else 1.0
