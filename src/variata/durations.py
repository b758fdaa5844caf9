"""Lengths of time as people write them."""

from __future__ import annotations

import re
from typing import Any

from variata.errors import UsageError

UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


def seconds_of(value: Any) -> Any:
    """The seconds of "90", "30s", "3m" or "1.5h"; what is no text is left as it is.

    Raises:
        UsageError: for any other text.

    >>> seconds_of("3m"), seconds_of("1.5h"), seconds_of(90), seconds_of(None)
    (180.0, 5400.0, 90, None)
    """
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{0,9})?)\s*([smh]?)", value.strip())
    if match is None or float(match[1]) == 0:
        raise UsageError(f"A budget is a duration such as 30s, 3m or 1h, not '{value}'.")
    return float(match[1]) * UNITS[match[2]]
