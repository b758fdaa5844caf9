"""How findings name and count things."""

from __future__ import annotations

from collections.abc import Sequence


def counted(count: int, noun: str, many: str = "") -> str:
    """A number and its noun, one or several.

    >>> counted(1, "row"), counted(1234, "row"), counted(2, "axis", "axes")
    ('1 row', '1,234 rows', '2 axes')
    """
    return f"{count:,} {noun if count == 1 else many or f'{noun}s'}"


def verb(count: int, one: str = "is", many: str = "are") -> str:
    """The form of a verb that goes with a count."""
    return one if count == 1 else many


def named(names: Sequence[str], most: int = 5) -> str:
    """The first names, and how many there are besides.

    >>> named(["a", "b", "c"], most=2)
    "'a', 'b' and 1 more"
    """
    shown = ", ".join(f"'{name}'" for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
