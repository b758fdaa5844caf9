"""Which recipe suits which task: stated rules over measured figures, and nothing else."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from variata.pictures import plus_minus
from variata.tasks.comparison.figures import Figure
from variata.tasks.comparison.measures import HIGH, LIKELIHOODS, MEASURES, WORDS
from variata.tasks.comparison.rows import Row

SURE = 0.975  # quantile of differences that chance makes: one in twenty is beyond it on a side
NEAR_BEST = 2.0  # times the least Frechet distance: samples that are good enough to be fast


@dataclass(frozen=True)
class Rule:
    """One task, and how its recipe is found.

    Attributes:
        task: "To ...".
        measure: name of the figure that decides.
        text: the rule in words.
        suits: which rows come into question, given all rows.
    """

    task: str
    measure: str
    text: str
    suits: Callable[[Row, Sequence[Row]], bool] = lambda row, rows: True


@dataclass(frozen=True)
class Answer:
    """What a rule says.

    Attributes:
        task, rule: of the rule.
        measure: name of the figure that decides.
        best: names of the best and of those that are not told apart from it.
        sure: whether errors of the figures are known; else the best alone is named.
        text: a paragraph, with the numbers.
    """

    task: str
    rule: str
    measure: str
    best: tuple[str, ...]
    sure: bool
    text: str


def _covers(row: Row, rows: Sequence[Row]) -> bool:
    best = max((r.get("coverage") or 0.0 for r in rows), default=0.0)
    return (row.get("coverage") or 0.0) >= best / 2


def _as_good(row: Row, rows: Sequence[Row]) -> bool:
    known = [d for r in rows if (d := r.get("frechet")) is not None]
    mine = row.get("frechet")
    return mine is not None and mine <= NEAR_BEST * min(known)


def _no_estimate(row: Row, rows: Sequence[Row]) -> bool:
    return row.likelihood != "estimated"


RULES = (
    Rule("To generate what looks most like the data", "frechet", "the least Frechet distance"),
    Rule(
        "To generate the sharpest",
        "precision",
        "the highest precision (draws that lie among the data, which an eye may see otherwise) of "
        "those whose coverage is at least half of the best",
        _covers,
    ),
    Rule("To generate the most varied", "coverage", "the highest coverage"),
    Rule(
        "To generate fast",
        "ms_per_sample",
        "the least time for a sample of those whose Frechet distance is at most twice the least",
        _as_good,
    ),
    Rule(
        "To know how likely a row is",
        "nll",
        "the lowest NLL that is exact or a bound, and no estimate",
        _no_estimate,
    ),
    Rule(
        "To detect anomalies by likelihood",
        "detection",
        "the largest area under the ROC curve against chimeras, by -log p(x)",
    ),
    Rule(
        "To detect anomalies by reconstruction, as `detect` does",
        "detection_by_error",
        "the largest area under the ROC curve against chimeras, by the error of reconstructions",
    ),
    Rule("To compress without loss", "bits_in_file", "the smallest file that `compress` writes"),
    Rule("To reconstruct", "reconstruction", "the least RMS error of reconstructions"),
    Rule("To learn features", "probe", "the most accurate linear classifier on latents"),
    Rule(
        "To be trained soonest",
        "seconds_to_final",
        "the least time to within 2 % of the final score of those whose Frechet distance is at "
        "most twice the least",
        _as_good,
    ),
)


def answers(rows: Sequence[Row]) -> list[Answer]:
    """What every rule says of the rows; rules that no row has a figure for are left out."""
    made = (_answer(rule, rows) for rule in RULES)
    return [answer for answer in made if answer is not None]


def _answer(rule: Rule, rows: Sequence[Row]) -> Answer | None:
    measure = MEASURES[rule.measure]
    known = [row for row in rows if rule.measure in row.figures]
    able = [row for row in known if rule.suits(row, rows)]
    if not able:
        return None
    sign = -1 if measure.better == HIGH else 1
    first, *rest = sorted(able, key=lambda row: sign * row.figures[rule.measure]["mean"])
    verdicts = {row.name: apart(first.each(rule.measure), row.each(rule.measure)) for row in rest}
    sure = None not in verdicts.values()
    alike = [row for row in rest if verdicts[row.name] is False]
    behind = [row for row in rest if verdicts[row.name] is not False]
    parts = [f"{rule.task}: {_shown(rule.measure, first)} ({measure.title})"]
    if alike:
        parts.append(f"not told apart from {_list(rule.measure, alike)}")
    if behind:
        parts.append(f"then {_list(rule.measure, behind[:2])}")
    text = "; ".join(parts) + "."
    text += "" if sure else " Of one training each: what differs may differ by chance."
    if others := [row.name for row in known if row not in able]:
        text += f" Left out by the rule: {', '.join(others)}."
    if without := [row.name for row in rows if row not in known]:
        only = f" Only {first.name} can." if len(known) == 1 else ""
        text += only or f" Without this figure: {', '.join(without)}."
    best = (first.name, *(row.name for row in alike))
    return Answer(rule.task, rule.text, rule.measure, best, sure, text)


def apart(one: Mapping[int, Figure], other: Mapping[int, Figure], factor: float = 1) -> bool | None:
    """Whether a figure differs from so many times another by more than chance; None: unknown.

    Seeds have data and split in common, so that differences are taken seed by seed and judged by
    the t distribution with one degree of freedom less. Of a single training the errors over rows
    are all that is known, and where one of several trainings is left, nothing is.

    Args:
        one, other: by seed.

    >>> a = {seed: {"mean": 1.0 + seed, "se": None} for seed in range(3)}
    >>> b = {seed: {"mean": 3.0 + seed, "se": None} for seed in range(3)}
    >>> apart(a, b), apart(a, a), apart({0: a[0]}, {0: b[0]})
    (True, False, None)
    """
    from scipy.stats import norm, t

    seeds = one.keys() & other.keys()
    gaps = [one[seed]["mean"] - factor * other[seed]["mean"] for seed in seeds]
    if len(gaps) > 1:
        error = statistics.stdev(gaps) / math.sqrt(len(gaps))
        return abs(statistics.fmean(gaps)) > float(t.ppf(SURE, len(gaps) - 1)) * error
    if not gaps or len(one.keys() | other.keys()) > 1:
        return None
    first, second = (figures[seed]["se"] for figures in (one, other) for seed in seeds)
    if first is None or second is None:
        return None
    return abs(gaps[0]) > float(norm.ppf(SURE)) * math.hypot(first, factor * second)


def _list(name: str, rows: Sequence[Row]) -> str:
    return ", ".join(_shown(name, row) for row in rows)


def _shown(name: str, row: Row) -> str:
    figure = row.figures[name]
    kind = WORDS.get(row.likelihood, "") if name in LIKELIHOODS else ""
    of, has = len(row.outcomes), len(row.each(name))
    fewer = f", {has} of {of} trainings" if has < of else ""
    return f"{row.name} {plus_minus(figure['mean'], figure['se'])}{kind}{fewer}"
