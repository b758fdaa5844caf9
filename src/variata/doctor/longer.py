"""Whether the training ended before the model was done, or stumbled on the way."""

from __future__ import annotations

from typing import Any

from variata.doctor.commands import duration, train
from variata.doctor.finding import Evidence, Finding
from variata.doctor.words import counted, verb

LAST = 0.25  # share of the training that is looked at
STILL = 0.2  # share of the whole improvement made there: a flat end makes far less
FEWEST = 4  # validations: fewer draw no curve
OFTEN = 0.01  # share of steps left out: more is no accident


def train_longer(evidence: Evidence) -> Finding | None:
    """Validation was still improving when the planned training ended."""
    curve = [(r.get("progress"), r.get("criterion")) for r in evidence.history]
    known = [(p, c) for p, c in curve if p is not None and c is not None]
    ended = evidence.training.get("ended")
    if ended not in {"finished", "budget"} or len(known) < FEWEST:
        return None
    first, last = known[0][1], known[-1][1]
    before = min(c for p, c in known if p <= 1 - LAST or (p, c) == known[0])
    whole, late = first - last, before - last
    if not whole > 0 or late < STILL * whole:
        return None
    return Finding(
        name="train-longer",
        title="The training ended too early",
        severity="warning",
        evidence=f"in its last quarter the validation still improved by {late:.2f} nats per "
        f"example, {late / whole:.0%} of all improvement",
        cause="The epochs or the time given were used up before the model had settled.",
        command=_longer(evidence),
    )


def _longer(evidence: Evidence) -> str:
    told = evidence.training
    if told.get("ended") == "budget":
        return train(evidence, budget=duration(3 * float(told.get("seconds", 60))))
    return train(evidence, epochs=max(2, round(3 * float(told.get("epochs", 10)))))


def skipped_steps(evidence: Evidence) -> Finding | None:
    """Steps whose loss or gradient was not finite."""
    told: dict[str, Any] = evidence.training
    skipped, steps = int(told.get("skipped", 0)), max(1, int(told.get("steps", 0)))
    rescues = [note for note in told.get("notes", []) if "not been finite" in note]
    if skipped == 0 and not rescues:
        return None
    often = skipped / steps > OFTEN or rescues
    times = f", and the weights were put back {counted(len(rescues), 'time')}" if rescues else ""
    return Finding(
        name="skipped-steps",
        title="The training was not stable",
        severity="warning" if often else "note",
        evidence=f"{skipped:,} of {counted(steps, 'step')} had a loss or gradient that was not "
        f"finite and {verb(skipped, 'was', 'were')} left out{times}",
        cause="The learning rate is too high for this data, or single rows are far outside of it.",
        command=train(evidence, lr=5e-4),
    )
