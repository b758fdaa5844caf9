"""What a training has cost, read from its history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

NEAR = 0.02  # of the final score


def training_costs(reports: Sequence[dict[str, Any]], about: dict[str, Any]) -> dict[str, Any]:
    """Seconds and restarts of a training.

    Args:
        reports: one for each validation, as in `Report`.
        about: how it ended: "seconds", "best_step", "rollbacks", "skipped".
    """
    first, last = reports[0], reports[-1]
    epochs, seconds = last["epoch"], last["seconds"]
    if len(reports) > 1:  # without what came before the first step
        epochs, seconds = epochs - first["epoch"], seconds - first["seconds"]
    kept = [r["seconds"] for r in reports if r["step"] == about["best_step"]]
    return {
        "seconds": about["seconds"],
        "seconds_per_epoch": seconds / epochs if epochs else None,  # what is fitted has none
        "seconds_to_kept": kept[-1] if kept else about["seconds"],
        "seconds_to_final": seconds_to_final(reports),
        "restarts": about.get("rollbacks", 0),
        "skipped": about["skipped"],
    }


def seconds_to_final(reports: Sequence[dict[str, Any]]) -> float | None:
    """Seconds until the validation score was first within 2 % of the best.

    None where the weights kept are not those of the best score (a critic's verdict at one time says
    nothing about another), or where the score never moved.

    >>> rows = [(1.0, 200.0, True), (2.0, 101.0, True), (3.0, 100.0, True)]
    >>> seconds_to_final([{"seconds": s, "criterion": c, "best": b} for s, c, b in rows])
    2.0
    """
    scores = [r["criterion"] for r in reports]
    kept = [r["criterion"] for r in reports if r["best"]]
    if not kept or kept != sorted(kept, reverse=True) or (len(reports) > 1 and len({*scores}) == 1):
        return None
    final = kept[-1]
    near = (r["seconds"] for r in reports if r["criterion"] <= final + NEAR * abs(final))
    return next(near)


def validation_curve(
    reports: Sequence[dict[str, Any]], latents: bool = True
) -> list[tuple[float, float]]:
    """(seconds, nats) at every validation: -ELBO, or -log p(x) of what has no latents; empty where
    validation knows neither.

    >>> validation_curve([{"seconds": 1.0, "valid": {"elbo": -9.0}}])
    [(1.0, 9.0)]
    >>> validation_curve([{"seconds": 1.0, "valid": {"distortion": 9.0}}], latents=False)
    [(1.0, 9.0)]
    """
    name, sign = ("elbo", -1) if latents else ("distortion", 1)
    return [(r["seconds"], sign * r["valid"][name]) for r in reports if name in r["valid"]]
