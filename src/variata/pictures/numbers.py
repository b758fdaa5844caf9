"""Figures of any size, as people write them."""

from __future__ import annotations

import math

LEAST, MOST = 1e-3, 1e7  # outside, powers of ten are shorter
PLACES = 6  # decimals at most


def number(value: float, digits: int = 4) -> str:
    """Return a number with so many significant digits; whole parts are never rounded away.

    >>> number(56.0123), number(0.05), number(1234567.8), number(1.23456e11), number(3.2e-13)
    ('56.01', '0.05000', '1,234,568', '1.235e11', '3.200e-13')
    """
    if not math.isfinite(value):
        return "n/a"
    if value == 0:
        return "0"
    if _readable(value):
        return f"{value:,.{_places(value, digits)}f}"
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def plus_minus(mean: float, se: float | None) -> str:
    """Return a mean with its standard error, to the same decimals.

    Four significant digits, but no fewer than two of the error and no more than three.

    >>> plus_minus(30.4987, 1.4701), plus_minus(-1000.1234, 0.0512), plus_minus(-0.03021, 0.0684)
    ('30.50 ± 1.47', '-1,000.123 ± 0.051', '-0.0302 ± 0.0684')
    """
    if se is None:
        return number(mean)
    size = max(abs(mean), abs(se))
    if not math.isfinite(size) or not _readable(size) or se == 0:
        return f"{number(mean)} ± {number(se, 2)}"
    places = min(PLACES, max(_places(se, 2), min(_places(size, 4), _places(se, 3))))
    return f"{mean:,.{places}f} ± {se:,.{places}f}"


def _readable(value: float) -> bool:
    return LEAST <= abs(value) < MOST


def _places(value: float, digits: int) -> int:
    return max(0, digits - 1 - math.floor(math.log10(abs(value))))
