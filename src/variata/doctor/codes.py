"""Whether the codes of a codebook are in use."""

from __future__ import annotations

from typing import Any

from variata.doctor.commands import train
from variata.doctor.finding import Evidence, Finding

FEW = 0.5  # of the codes in use: with fewer, half a codebook does as well
ENOUGH = 4  # rows for each code, before it may be missed


def unused_codes(evidence: Evidence) -> Finding | None:
    """A codebook of which most is idle."""
    rows, levels = evidence.train_rows, coded(evidence)
    known = [level for level in levels if rows * level["positions"] > ENOUGH * level["size"]]
    worst = min(known, key=lambda level: level["used"], default=None)
    if worst is None or worst["used"] >= FEW:
        return None
    return Finding(
        name="unused-codes",
        title="Most of the codes are not in use",
        severity="note",
        evidence=f"{worst['used']:.0%} of {worst['size']:,} codes occur over the training rows, "
        f"with a perplexity of {worst['perplexity']:.0f}",
        cause="The data needs fewer codes, or was learnt from for too short a time to use them.",
        command=train(evidence, None, **_halved(evidence.arguments)),
    )


def coded(evidence: Evidence) -> list[dict[str, Any]]:
    """How codes are used at every level that has any."""
    return evidence.figures.get("codes") or []


def _halved(arguments: dict[str, Any]) -> dict[str, Any]:
    """Whichever argument says how many codes there are, with half its value."""
    names = ("codes", "scalar_levels", "classes")
    return {name: max(2, int(arguments[name]) // 2) for name in names if name in arguments}
