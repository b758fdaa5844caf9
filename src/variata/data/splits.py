"""Cutting examples into train, valid and test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from variata.data.examples import Examples
from variata.errors import DataError, UsageError

Fractions = tuple[float, float, float]
Part = range | np.ndarray | Tensor
SHARED = (
    "2 rows are too few to keep any for the test: one is learnt from, and the other serves both to"
    " choose by and as the test"
)


@dataclass(frozen=True, eq=False)
class Splits:
    """Three sets of examples: to fit on, to choose on, to report on; and what they share, if so."""

    train: Examples
    valid: Examples
    test: Examples
    note: str = ""

    def __iter__(self) -> Iterator[Examples]:
        return iter((self.train, self.valid, self.test))


def split(
    examples: Examples,
    fractions: Fractions = (0.8, 0.1, 0.1),
    seed: int = 0,
    *,
    published: Sequence[Part] | None = None,
) -> Splits:
    """Cut `examples` at random, the same for the same seed, or along `published` rows.

    Each part has at least one row, and no two share one. Only two rows cannot make three parts:
    one of them then serves as valid and test both, with a note.

    Raises:
        UsageError: fractions that are not three positive numbers with sum 1.
        DataError: fewer than 2 rows, or published parts that do not fit the data.

    >>> from variata.data.infer import infer_schema
    >>> values = [[float(i)] for i in range(10)]
    >>> parts = split(Examples.of(values, infer_schema(values)), seed=3)
    >>> [len(part) for part in parts]
    [8, 1, 1]
    """
    if published is not None:
        rows = [_published_rows(part, len(examples)) for part in published]
        if len(rows) != 3:
            raise DataError(
                f"Expected published train, valid and test rows, got {len(rows)} parts."
            )
        return _parts(examples, rows)
    _check_fractions(fractions)
    note = SHARED if len(examples) == 2 else ""
    return _parts(examples, _random_rows(len(examples), fractions, seed), note)


def _parts(examples: Examples, rows: Sequence[Tensor], note: str = "") -> Splits:
    train, valid, test = (examples.subset(r) for r in rows)
    return Splits(train, valid, test, note)


def _random_rows(n: int, fractions: Fractions, seed: int) -> list[Tensor]:
    if n < 2:
        raise DataError(f"Splitting needs at least 2 rows, got {n}.")
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    if n == 2:
        return [order[:1], order[1:], order[1:]]
    valid, test = (min(max(1, round(n * f)), n - 2) for f in fractions[1:])
    test = max(1, min(test, n - 1 - valid))
    train = n - valid - test
    return [part.sort().values for part in order.split([train, valid, test])]


def _check_fractions(fractions: Fractions) -> None:
    good = len(fractions) == 3 and all(f > 0 for f in fractions)
    if not good or abs(sum(fractions) - 1) > 1e-6:
        raise UsageError(f"Expected three positive fractions with sum 1, got {fractions}.")


def _published_rows(part: Part, n: int) -> Tensor:
    rows = torch.as_tensor(np.asarray(part), dtype=torch.int64)
    if rows.numel() == 0 or int(rows.min()) < 0 or int(rows.max()) >= n:
        raise DataError(f"A published part is empty or names rows outside the {n} of the data.")
    return rows
