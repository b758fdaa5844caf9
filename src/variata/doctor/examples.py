"""Whether there is enough to learn from."""

from __future__ import annotations

from variata.doctor.commands import narrower, train
from variata.doctor.finding import Evidence, Finding
from variata.doctor.readings import active, elements
from variata.doctor.words import counted

FEW = 100  # rows: every figure measured on a tenth of them is mostly chance
FOR_EACH_DIMENSION = 10  # rows: fewer cannot fix how a latent dimension acts


def too_few_examples(evidence: Evidence) -> Finding | None:
    """So few rows that the figures say little."""
    rows, used, size = evidence.train_rows, max(1, active(evidence)), elements(evidence)
    few = rows < FEW or rows < FOR_EACH_DIMENSION * used
    wide = evidence.layout == "vector" and evidence.kind in {"real", "count"} and rows < size
    if not few and not wide:
        return None
    return Finding(
        name="too-few-examples",
        title="Few examples to learn from",
        severity="warning" if few else "note",
        evidence=f"{counted(rows, 'training row')} for {counted(used, 'latent dimension')} in "
        f"use and {counted(size, 'element')}",
        cause="Models of this kind want at least a hundred rows, ten for every latent dimension "
        "in use, and more rows than columns.",
        command=train(
            evidence,
            latent=max(1, min(used, rows // (2 * FOR_EACH_DIMENSION))),
            hidden=narrower(evidence),
        ),
    )
