"""A comparison as rows of text, for terminals and pages."""

from __future__ import annotations

from collections.abc import Sequence

from variata.pictures import number, plus_minus
from variata.tasks.comparison.abilities import ABILITIES
from variata.tasks.comparison.measures import GROUPS, LIKELIHOODS, SIGNS, Measure
from variata.tasks.comparison.rows import Row

NONE = "–"
UNTOLD = 1e-3  # of the mean: smaller errors are left out
WHOLE = ("parameters",)


def tables(rows: Sequence[Row]) -> dict[str, list[list[str]]]:
    """Tables by their title: figures in three groups, abilities, and how trainings ended."""
    made = {group: _figures(rows, measures) for group, measures in GROUPS.items()}
    made["What each can do"] = [
        ["recipe", *ABILITIES, "likelihood is"],
        *([row.name, *_marks(row), row.likelihood] for row in rows),
    ]
    made["How trainings ended"] = [
        ["recipe", "ended", "why"],
        *([row.name, row.ended, _reasons(row) or NONE] for row in rows),
    ]
    return made


def _figures(rows: Sequence[Row], measures: Sequence[Measure]) -> list[list[str]]:
    shown = [m for m in measures if any(m.name in row.figures for row in rows)]
    head = ["recipe", *(measure.title for measure in shown)]
    return [head, *([row.name, *(cell(row, m.name) for m in shown)] for row in rows)]


def cell(row: Row, name: str) -> str:
    """A figure with its error; of a likelihood, whether it is a bound or an estimate."""
    if name not in row.figures:
        return "none" if name in LIKELIHOODS and row.abilities else NONE
    mean, se = row.figures[name]["mean"], row.figures[name]["se"]
    if name in WHOLE:
        return f"{mean:,.0f}"
    kind = SIGNS.get(row.likelihood, "") if name in LIKELIHOODS else ""
    told = se is not None and se > UNTOLD * abs(mean)
    known = len(row.each(name))
    fewer = f" ({known} of {row.done})" if known < row.done else ""
    return f"{kind}{plus_minus(mean, se) if told else number(mean, 3)}{fewer}"


def _marks(row: Row) -> list[str]:
    if not row.abilities:
        return [NONE] * len(ABILITIES)
    words = {True: "yes", False: "no", None: "not installed"}
    return [words[row.abilities.get(name)] for name in ABILITIES]


def _reasons(row: Row) -> str:
    return " ".join(dict.fromkeys(o.reason for o in row.outcomes.values() if o.reason))
