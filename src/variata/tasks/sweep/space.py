"""What a sweep varies, and between which values."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from variata.errors import UsageError
from variata.tasks.comparison.contenders import check_argument, parsed_value

FACTOR = 10.0  # between the ends of a range that is searched on a logarithmic scale


@dataclass(frozen=True)
class Varied:
    """One argument of a recipe or of its training.

    Attributes:
        name: of it.
        values: that are tried; of a range, its two ends.
        between: whether it is a range.
    """

    name: str
    values: tuple[Any, ...]
    between: bool = False

    @classmethod
    def of(cls, text: str, recipe: str) -> Varied:
        """Read `beta=1,4` or `beta=0.5..8`.

        Raises:
            UsageError: no values, an unknown argument, or a value that does not fit it.

        >>> Varied.of("beta=1,4", "beta_vae").values, Varied.of("lr=1.5e-4..1e-2", "vae").values
        ((1, 4), (0.00015, 0.01))
        """
        name, equals, told = text.partition("=")
        low, between, high = told.partition("..")
        values = tuple(map(parsed_value, (low, high) if between else told.split(",")))
        plain = all(isinstance(value, int | float | str) for value in values)
        if not equals or not plain or len({*values}) < len(values):
            raise UsageError(
                "--vary needs argument=value,value,..., numbers or words and each once, "
                f"got '{text}'."
            )
        for value in values:
            check_argument(recipe, name, value)
        if between and not all(isinstance(v, int | float) for v in values):
            raise UsageError(f"--vary {text}: a range lies between two numbers.")
        if between and not values[0] < values[1]:
            raise UsageError(f"--vary {text}: a range begins with its lower end.")
        if between and _takes_fractions(recipe, name, values[0]):
            values = tuple(map(float, values))
        return cls(name, values, bool(between))

    def suggested(self, trial: Any) -> Any:
        """The value that a trial of Optuna gets."""
        if not self.between:
            return trial.suggest_categorical(self.name, self.values)
        low, high = self.values
        log = low > 0 and high / low >= FACTOR
        if isinstance(low, int) and isinstance(high, int):
            return trial.suggest_int(self.name, low, high, log=log)
        return trial.suggest_float(self.name, low, high, log=log)


def _takes_fractions(recipe: str, name: str, value: Any) -> bool:
    try:
        check_argument(recipe, name, int(value) + 0.5)
    except UsageError:
        return False
    return True


def grid(varied: Sequence[Varied]) -> list[dict[str, Any]] | None:
    """All combinations, where all are lists; None where there is a range.

    >>> len(grid([Varied("a", (1, 2)), Varied("b", (1, 2, 3))]) or [])
    6
    """
    if any(one.between for one in varied):
        return None
    names = [one.name for one in varied]
    return [
        dict(zip(names, v, strict=True)) for v in itertools.product(*(o.values for o in varied))
    ]


def named(params: Mapping[str, Any]) -> str:
    """Arguments as a name, to the last digit.

    >>> named({"latent": 4, "beta": 1 / 3})
    'latent=4,beta=0.3333333333333333'
    """
    return ",".join(f"{name}={value}" for name, value in params.items())


def said(params: Mapping[str, Any]) -> str:
    """Arguments for people to read.

    >>> said({"latent": 4, "beta": 1 / 3})
    'latent=4, beta=0.3333'
    """
    return ", ".join(f"{name}={short(value)}" for name, value in params.items())


def short(value: Any) -> str:
    """A value in four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
