"""Text cells to numbers, with decimal points or decimal commas."""

from __future__ import annotations

import re

MISSING = {"", "nan", "na", "n/a", "null", "none", "?", "-"}
DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(e[+-]?\d+)?", re.IGNORECASE)
WITH_COMMAS = re.compile(r"[+-]?[\d., ]*,[\d., ]*(e[+-]?\d+)?", re.IGNORECASE)


def number(text: str, commas: bool = False) -> float | None:
    """Return the number that a cell holds, or None; with `commas`, "3,14" is one.

    >>> number("2.5"), number("3,14"), number("3,14", commas=True), number("1.234,5", commas=True)
    (2.5, None, 3.14, None)
    """
    if commas and DECIMAL_COMMA.fullmatch(text.strip()):
        text = text.replace(",", ".")
    try:
        return float(text)
    except ValueError:
        return None


def missing(text: str) -> bool:
    """Whether a cell is empty or says that there is no value."""
    return text.strip().lower() in MISSING


def comma_advice(text: str, commas: bool) -> str:
    """Return what to do about a cell that would be a number but for its commas, or nothing.

    >>> comma_advice("1,234.5", commas=True), comma_advice("blue, red", commas=True)
    ('write it with one decimal mark and no others', '')
    """
    if not WITH_COMMAS.fullmatch(text.strip()) or not any(map(str.isdigit, text)):
        return ""
    if commas:
        return "write it with one decimal mark and no others"
    return "if that is a decimal comma, separate the cells with semicolons or write a point"
