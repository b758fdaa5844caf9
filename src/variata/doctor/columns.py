"""Columns that say nothing, and columns of very different size."""

from __future__ import annotations

from torch import Tensor

from variata.doctor.commands import evaluate, ignoring, train
from variata.doctor.finding import Evidence, Finding
from variata.doctor.readings import names
from variata.doctor.words import counted, named, verb

WORTH_A_WARNING = {"real", "category"}  # a zero everywhere is usual among counts and pixels
SPAN = 1_000.0  # ratio of standard deviations: the smaller column is invisible beside the larger


def dead_columns(evidence: Evidence) -> Finding | None:
    """Columns with one value only."""
    x = evidence.x.flatten(1)
    if evidence.layout != "vector" or len(x) < 2:
        return None
    constant = (x.amax(0) == x.amin(0)).tolist()
    dead = [name for name, flat in zip(names(evidence), constant, strict=True) if flat]
    if not dead:
        return None
    return Finding(
        name="dead-columns",
        title="Constant columns",
        severity="warning" if evidence.kind in WORTH_A_WARNING else "note",
        evidence=f"{len(dead)} of {counted(x.shape[1], 'column')} "
        f"{verb(len(dead), 'has', 'have')} one value in all {len(x):,} rows looked at: "
        f"{named(dead)}",
        cause="They carry nothing to learn, and make nats per example look better than they are.",
        command=ignoring(evidence, dead[:5]),
    )


def unscaled_columns(evidence: Evidence) -> Finding | None:
    """Columns whose sizes have nothing to do with each other."""
    scale = evidence.own_scale.flatten().double()
    if evidence.layout != "vector" or evidence.kind not in {"real", "count"} or len(scale) < 2:
        return None
    counts = evidence.kind == "count"
    ratio, low, high = _span(scale.clamp_min(1.0) if counts else scale)
    if not ratio > SPAN:
        return None
    called = (
        names(evidence)
        if len(scale) == evidence.x[0].numel()
        else tuple(str(i) for i in range(len(scale)))
    )
    return Finding(
        name="unscaled-columns",
        title="Columns of very different size",
        severity="warning" if counts else "note",
        evidence=f"standard deviations span a factor of {ratio:.3g}: {float(scale[low]):.3g} in "
        f"'{called[low]}', {float(scale[high]):.3g} in '{called[high]}' (own units)",
        cause="Counts are modelled as they are, so that the largest columns decide what is learnt."
        if counts
        else "They come in different units; real columns are standardised for you, so that "
        "nothing need be done.",
        command=train(evidence, likelihood="gaussian") if counts else evaluate(evidence),
    )


def _span(scale: Tensor) -> tuple[float, int, int]:
    """The ratio of the largest to the smallest positive scale, and which they are."""
    positive = scale > 0
    if not bool(positive.any()):
        return 1.0, 0, 0
    low = int(scale.masked_fill(~positive, float("inf")).argmin())
    high = int(scale.argmax())
    return float(scale[high] / scale[low]), low, high
