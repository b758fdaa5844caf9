"""Columns that number the rows and say nothing about them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

ID_NAMES = {"", "id", "index", "idx", "uuid", "guid", "row", "rowid", "row_id", "unnamed: 0"}


def named_like_id(name: str) -> bool:
    """Whether a column's name suggests an identifier.

    >>> named_like_id("PassengerId"), named_like_id("user_id"), named_like_id("width")
    (True, True, False)
    """
    low = name.strip().lower()
    return low in ID_NAMES or low.endswith(("_id", "-id", " id", "_uuid")) or name.endswith("Id")


def is_identifier(cells: Sequence[str]) -> bool:
    """Whether cells are consecutive whole numbers, or texts that all differ.

    >>> is_identifier(["7", "8", "9"]), is_identifier(["a1", "b2"]), is_identifier(["3", "9"])
    (True, True, False)
    """
    if len(cells) < 2 or len(set(cells)) != len(cells):
        return False
    try:
        numbers = sorted(float(cell) for cell in cells)
    except ValueError:
        return True
    return all(b - a == 1 for a, b in itertools.pairwise(numbers))
