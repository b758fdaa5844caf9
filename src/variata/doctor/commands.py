"""The commands that findings propose, as one would type them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from variata.doctor.finding import Evidence

UNLISTED = {
    "weight_decay",
    "ema",
    "patience",
    "save_every",
}  # settings without an option of their own
LENGTH = {"epochs", "budget"}  # either ends a training, so that one is given instead of the other
FLAGS = {"binarise"}  # given or not
REPEATED = {"ignore", "condition"}
JOINED = {"split": ",", "size": "x"}


def train(evidence: Evidence, recipe: str | None = None, **changes: Any) -> str:
    """`variata train` as the run was trained, but for some changes.

    Args:
        evidence: names the data, the recipe and what else the run was given.
        recipe: instead of the run's own, whose own arguments are then left out.
        changes: options by name.
    """
    chosen = recipe or evidence.recipe
    parts = ["variata", "train", evidence.source, "--recipe", chosen]
    for name, value in [*_kept(evidence, chosen, changes).items(), *changes.items()]:
        parts += option(name, value)
    return " ".join(shlex.quote(part) for part in parts)


def unweighed(evidence: Evidence) -> str:
    """`variata train` with a rate that costs its nats."""
    if evidence.recipe == "beta_vae":
        return train(evidence, beta=1)
    return train(evidence, recipe="vae")


def ignoring(evidence: Evidence, columns: Sequence[str]) -> str:
    """`variata train` without some columns, where columns have names to leave them out by."""
    if not evidence.columns:
        return evaluate(evidence)
    return train(evidence, ignore=(*evidence.given.get("ignore", ()), *columns))


def evaluate(evidence: Evidence) -> str:
    """`variata evaluate` of the run: nothing need be trained anew."""
    return f"variata evaluate {shlex.quote(evidence.run)}"


def refit(evidence: Evidence, prior: str) -> str:
    """`variata refit-prior` of the run."""
    return f"variata refit-prior {shlex.quote(evidence.run)} --prior {prior}"


def option(name: str, value: Any) -> list[str]:
    """An option of `variata train` by name, as words.

    >>> option("warm_up_share", 0.5), option("hidden", (64, 32)), option("patience", 1)
    (['--warm-up-share', '0.5'], ['--hidden', '64', '32'], ['--set', 'patience=1'])
    >>> option("ignore", ("a", "b")), option("split", (0.6, 0.2, 0.2)), option("size", (28, 20))
    (['--ignore', 'a', '--ignore', 'b'], ['--split', '0.6,0.2,0.2'], ['--size', '28x20'])
    """
    flag = f"--{name.replace('_', '-')}"
    if name in UNLISTED:
        return ["--set", f"{name}={_text(value)}"]
    if name in FLAGS:
        return [flag]
    if name in REPEATED:
        return [word for column in value for word in (flag, column)]
    if name in JOINED:
        return [flag, JOINED[name].join(map(_text, value))]
    if name == "budget" and not isinstance(value, str):
        return [flag, f"{_text(value)}s"]
    several = value if isinstance(value, tuple | list) else (value,)
    return [flag, *map(_text, several)]


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


def _kept(evidence: Evidence, recipe: str, changes: dict[str, Any]) -> dict[str, Any]:
    """What the run was given, without what is changed or unknown to the recipe."""
    own = evidence.given_own if recipe == evidence.recipe else {}
    left = set(changes) | (LENGTH if LENGTH & set(changes) else set())
    return {name: v for name, v in (evidence.given | own).items() if name not in left}


def _text(value: Any) -> str:
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)
