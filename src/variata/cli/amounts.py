"""Amounts by name, as options give them: `--add smile=+1`, `--corrupt gaussian=0.5`."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from variata.errors import UsageError

AMOUNT = re.compile(r"(.+)=([-+]?(?:\d+(?:\.\d*)?|\.\d+))", re.DOTALL)
ADDED = "--add needs CLASS=AMOUNT such as smile=+1"
CORRUPTED = "--corrupt needs NAME=AMOUNT such as gaussian=0.5"
CorruptOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=AMOUNT",
        help="gaussian=SD, salt_and_pepper=SHARE, mask=SHARE or blur=PIXELS; repeatable, in order.",
    ),
]


def parsed_amounts(texts: list[str], wanted: str = ADDED) -> dict[str, float]:
    """Amounts by name from "smile=+1" and the like.

    Args:
        wanted: the option and what it needs, for the error.

    >>> parsed_amounts(["smile=+1", "7=-0.5"])
    {'smile': 1.0, '7': -0.5}
    """
    amounts: dict[str, float] = {}
    for text in texts:
        match = AMOUNT.fullmatch(text)
        if match is None:
            raise UsageError(f"{wanted}, got '{text}'.")
        amounts[match[1]] = float(match[2])
    return amounts


def parsed_corruption(texts: list[str] | None) -> dict[str, float] | None:
    """Corruptions by name; None where none was named."""
    return parsed_amounts(texts, CORRUPTED) if texts else None
