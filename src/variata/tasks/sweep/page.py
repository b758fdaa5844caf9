"""`report.html` of a sweep: rate against distortion, and the table."""

from __future__ import annotations

from pathlib import Path

from variata.pictures import Section, number, rate_distortion, write_report
from variata.tasks.comparison.start import length_said
from variata.tasks.sweep.found import Point, Sweep
from variata.tasks.sweep.space import said, short

FIGURES = ("rate", "distortion", "elbo")
PLANE = (
    "Each point is a training, measured on validation rows. Further left, latents say less; "
    "further down, rows are described better. Along a line of equal ELBO, one pays for the other."
)


def write_page(found: Sweep) -> Path:
    """Write the report into the sweep's folder, and return its path.

    Raises:
        StoreError: when it cannot be written.
    """
    about = found.about
    each = length_said(about)
    sections = [
        Section("Rate against distortion", f"{best_said(found)}\n\n{PLANE}", picture(found)),
        Section("All trainings", table=table(found)),
    ]
    title = f"{about['recipe']} on {about['data']}, varied"
    return write_report(found.folder / "report.html", title, sections, f"{each} for each training")


def best_said(found: Sweep) -> str:
    """The arguments of the highest ELBO, in a sentence."""
    best = found.best
    if best is None or best.elbo is None:
        return "No training has come to an end."
    return (
        f"The highest ELBO, {number(best.elbo)} nats{found.mark}, is that of {said(best.params)}."
    )


def table(found: Sweep) -> list[list[str]]:
    """All points, as rows of text."""
    names = [one.name for one in found.varied]
    rate, elbo = (f"{name}, nats{found.mark}" for name in ("rate", "ELBO"))
    head = [*names, rate, "distortion, nats", elbo, "on the front", "ended"]
    return [head, *(_row(point, names) for point in found.points)]


def _row(point: Point, names: list[str]) -> list[str]:
    known = (getattr(point, name) for name in FIGURES)
    figures = ["–" if value is None else number(value) for value in known]
    front = "yes" if point.front else "no" if point.elbo is not None else "–"
    return [*(short(point.params[name]) for name in names), *figures, front, point.status]


def picture(found: Sweep) -> list[tuple[str, bytes]]:
    """Rate against distortion, a line for each value of the first argument of a grid of several."""
    groups: dict[str, list[tuple[float, float, str]]] = {}
    front: list[tuple[float, float]] = []
    first = found.varied[0]
    apart = len(found.varied) > 1 and not first.between
    for point in found.points:
        if point.rate is None or point.distortion is None:
            continue
        group = f"{first.name}={point.params[first.name]}" if apart else "trainings"
        rest = {n: v for n, v in point.params.items() if not apart or n != first.name}
        groups.setdefault(group, []).append((point.rate, point.distortion, said(rest)))
        front += [(point.rate, point.distortion)] if point.front else []
    if not groups:
        return []
    made = rate_distortion({name: sorted(points) for name, points in groups.items()}, front)
    return [("Rate against distortion of validation rows", made)]
