"""The commands that findings propose, as one would type them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from variata.doctor.finding import Evidence

Option = str | float | Sequence[int]


def train(evidence: Evidence, *options: Option, recipe: str | None = None) -> str:
    """`variata train` on the same data, with other options.

    Args:
        evidence: names the data and the recipe.
        options: flags and values in turn; a sequence stands for several values.
        recipe: instead of the run's own.
    """
    parts = ["variata", "train", evidence.source, "--recipe", recipe or evidence.recipe]
    for option in options:
        parts += [str(option)] if isinstance(option, str | int | float) else map(str, option)
    return " ".join(shlex.quote(part) for part in parts)


def ignoring(evidence: Evidence, columns: Sequence[str]) -> str:
    """`variata train` without some columns."""
    return train(evidence, *(part for column in columns for part in ("--ignore", column)))


def narrower(evidence: Evidence, least: int = 16) -> tuple[int, ...]:
    """Widths of a network with a quarter of the units."""
    return tuple(max(least, width // 4) for width in widths(evidence))


def wider(evidence: Evidence) -> tuple[int, ...]:
    """Widths of a network with twice the units."""
    return tuple(2 * width for width in widths(evidence))


def longer(evidence: Evidence) -> int:
    """Three times the epochs, and enough to learn something at all."""
    return max(50, round(3 * float(evidence.training.get("epochs", 0))))


def widths(evidence: Evidence) -> tuple[int, ...]:
    """Widths of the run's own network."""
    return tuple(evidence.arguments.get("hidden") or (256, 256))


def duration(seconds: float) -> str:
    """Seconds as `--budget` takes them, rounded up.

    >>> duration(20.5), duration(200)
    ('21s', '4m')
    """
    return f"{-int(-seconds // 1)}s" if seconds < 120 else f"{-int(-seconds // 60)}m"


def named(names: Sequence[str], most: int = 5) -> str:
    """The first names, and how many there are besides.

    >>> named(["a", "b", "c"], most=2)
    "'a', 'b' and 1 more"
    """
    shown = ", ".join(f"'{name}'" for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
