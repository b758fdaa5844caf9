"""Columns that number the rows and say nothing about them."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

import numpy as np

ID_NAMES = {"", "id", "index", "idx", "uuid", "guid", "row", "rowid", "row_id", "unnamed: 0"}


def named_like_id(name: str) -> bool:
    """Whether a column's name suggests an identifier.

    >>> named_like_id("PassengerId"), named_like_id("user_id"), named_like_id("width")
    (True, True, False)
    """
    low = name.strip().lower()
    return low in ID_NAMES or low.endswith(("_id", "-id", " id", "_uuid")) or name.endswith("Id")


def is_identifier(cells: Iterable[str]) -> bool:
    """Whether cells are consecutive whole numbers, or texts that all differ.

    >>> is_identifier(["7", "8", "9"]), is_identifier(["a1", "b2"]), is_identifier(["3", "9"])
    (True, True, False)
    """
    identity = Identity()
    for cell in cells:
        identity.add(cell)
    return identity.verdict()


class Identity:
    """Whether the cells of a column number the rows; each takes 16 bytes until that is known."""

    def __init__(self) -> None:
        self.hashes, self.numbers = array("q"), array("d")
        self.texts = False

    def add(self, cell: str) -> None:
        """Take in the next cell."""
        self.hashes.append(hash(cell))
        try:
            self.numbers.append(float(cell))
        except ValueError:
            self.texts = True

    def verdict(self) -> bool:
        """Whether all differ, and are no numbers or consecutive ones."""
        hashes = np.sort(np.array(self.hashes))
        if len(hashes) < 2 or (hashes[1:] == hashes[:-1]).any():
            return False
        return self.texts or bool((np.diff(np.sort(np.array(self.numbers))) == 1).all())
