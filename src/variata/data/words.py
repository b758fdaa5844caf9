"""Columns of anything as texts or as numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from torch import Tensor

from variata.data.cells import missing, number


def texts(values: Any) -> np.ndarray:
    """Each value as text, (N,); "" where there is none. Whole numbers are written as such.

    >>> texts([7, 7.0, "7", True, None, float("nan"), " dog "]).tolist()
    ['7', '7', '7', '1', '', '', 'dog']
    """
    return np.array([_text(value) for value in _flat(values)], dtype=object)


def numbers(values: Any) -> np.ndarray:
    """Each value as a number, (N,) float64; NaN where there is none.

    >>> numbers(["1.5", 2, "2,5", "dog", None]).tolist()
    [1.5, 2.0, 2.5, nan, nan]
    """
    return np.array([_number(value) for value in _flat(values)], dtype=np.float64)


def known(words: np.ndarray) -> tuple[str, ...]:
    """The distinct texts that are there, those that are whole numbers by size.

    >>> known(texts(["10", "9", ""])), known(texts(["b", "a"]))
    (('9', '10'), ('a', 'b'))
    """
    distinct = {str(word) for word in words if word != ""}
    whole = all(word.removeprefix("-").isdecimal() for word in distinct)
    return tuple(sorted(distinct, key=(lambda word: int(word)) if whole else None))


def _flat(values: Any) -> list[Any]:
    plain = values.detach().cpu().numpy() if isinstance(values, Tensor) else values
    return np.asarray(plain, dtype=object).reshape(-1).tolist()


def _text(value: Any) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, bool | np.bool_ | int | np.integer):
        return str(int(value))
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    text = str(value).strip()
    return "" if missing(text) else text


def _number(value: Any) -> float:
    if isinstance(value, str):
        found = number(value.strip(), commas=True)
        return math.nan if found is None else found
    try:
        return math.nan if value is None else float(value)
    except (TypeError, ValueError):
        return math.nan
