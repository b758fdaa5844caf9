"""Pictures of a folder that cannot be read: few are left out, many refuse the folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from variata.data.pictures import Picture, UnreadableError
from variata.errors import DataError

SPARED = 0.05  # of a folder's pictures that may be left out
SHOWN = 3

T = TypeVar("T")


@dataclass
class LeftOut:
    """What could not be read of `total` pictures.

    Attributes:
        place: where they are.
        errors: of those that are left out.

    >>> left = LeftOut("pictures", 40)
    >>> left.errors.append(UnreadableError("a.png", "cannot be read: it is cut short"))
    >>> left.note()
    "1 of 40 pictures is left out: 'a.png' cannot be read: it is cut short"
    """

    place: str
    total: int
    errors: list[UnreadableError] = field(default_factory=list)

    def tried(self, work: Callable[[Picture], T], picture: Picture) -> T | None:
        """What `work` makes of a picture; None, and a remark, where it cannot be read."""
        try:
            return work(picture)
        except UnreadableError as error:
            self.errors.append(error)
            return None

    def require_few(self) -> None:
        """Refuse a folder of which too much would be left out.

        Raises:
            DataError: says how many there are, and names some.
        """
        if len(self.errors) > SPARED * self.total:
            raise DataError(
                f"{len(self.errors):,} of the {self.total:,} pictures of '{self.place}' cannot be "
                f"used, more than {SPARED:.0%}: {_named(self.what)}. Take them out, or repair them."
            )

    @property
    def what(self) -> list[str]:
        """Which pictures, and why, in the order of their names."""
        return [error.what for error in sorted(self.errors, key=lambda error: error.name)]

    def note(self) -> str:
        """One line, or nothing."""
        if not self.errors:
            return ""
        verb = "is" if len(self.errors) == 1 else "are"
        count = f"{len(self.errors):,} of {self.total:,} pictures"
        return f"{count} {verb} left out: {_named(self.what)}"


def require_none(name: str, left_out: Sequence[str]) -> None:
    """Refuse data whose rows would not be those of its files.

    Raises:
        DataError: names what is left out.
    """
    if left_out:
        raise DataError(
            f"{name}: results would not be those of its files in their order, since "
            f"{_named(left_out)}. Take such pictures out first."
        )


def _named(what: Sequence[str]) -> str:
    more = f", and {len(what) - SHOWN:,} more" if len(what) > SHOWN else ""
    return "; ".join(what[:SHOWN]) + more
