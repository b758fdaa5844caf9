"""Where the condition of rows comes from: labels, columns, or values that a person gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from variata.data import (
    Condition,
    Context,
    Source,
    column_values,
    columns_of,
    context_of,
    infer_condition,
)
from variata.data.values import is_frame
from variata.errors import DataError, UsageError

LABEL = "label"
Names = tuple[str | int, ...]


def named(condition: Any, data: Any = None) -> Names | None:
    """The columns that a condition names; None where it is values.

    One text and tuples are names; a list of texts is, where the data is a table with such columns.

    >>> named("label"), named(("height", "kind")), named([0, 1, 0])
    (('label',), ('height', 'kind'), None)
    """
    if isinstance(condition, str | int):
        return (condition,)
    if isinstance(condition, tuple) and all(isinstance(name, str | int) for name in condition):
        return condition
    if not isinstance(condition, list) or not all(isinstance(name, str) for name in condition):
        return None
    known = [str(c) for c in data.columns] if is_frame(data) else condition
    table = is_frame(data) or isinstance(data, str | Path)
    return tuple(condition) if table and {*condition} <= {*known, LABEL} else None


def aside(names: Names, label: str | int | None) -> Names:
    """Those of the names that are columns of their own, and no numbers to learn."""
    return tuple(name for name in names if name not in (LABEL, label))


def learnt_context(
    data: Any, source: Source, names: Names, label: str | int | None, given: Any
) -> Context | None:
    """The condition of the rows to train on, and what it is; None where there is none.

    Raises:
        DataError: the data has no such column or no labels, or values are missing.
    """
    if given is not None:
        columns = columns_of(given)
        classes: Names = tuple(n for n, v in columns.items() if np.asarray(v).dtype.kind in "biu")
    elif names:
        columns = {str(n): _column(data, source, n, label) for n in names}
        classes = tuple(name for name in names if name in (LABEL, label))
    else:
        return None
    condition = infer_condition(columns, tuple(map(str, classes)))
    return context_of(condition, columns, len(source))


def known_context(
    data: Any, source: Source, condition: Condition, label: str | int | None, given: Any
) -> Context:
    """The condition of rows for a trained model.

    Args:
        given: one value for all rows, or one for each; None takes the data's own.

    Raises:
        DataError: a value is missing, or a class that the model does not know.
    """
    if given is None:
        columns = {n: _own(data, source, n, condition, label) for n in condition.names}
        return context_of(condition, columns, len(source))
    return context_of(condition, given, len(source))


def _own(
    data: Any, source: Source, name: str, condition: Condition, label: str | int | None
) -> np.ndarray:
    try:
        return _column(data, source, name, label)
    except (DataError, UsageError) as error:
        raise DataError(condition.missing(name)) from error


def _column(data: Any, source: Source, name: str | int, label: str | int | None) -> np.ndarray:
    table = is_frame(data) and name in data.columns
    if name not in (LABEL, label) or (table and source.labels is None):
        return column_values(data, name)
    if source.labels is None:
        raise DataError(
            f"{source.name} has no labels to condition on: name their column with --label, or use "
            "data with labels."
        )
    return np.array([*(source.label_names or ()), ""], dtype=object)[source.labels]


def require_table(data: Any, names: Names) -> None:
    """Refuse columns of data that has none.

    Raises:
        UsageError: naming the first of them.
    """
    if names and isinstance(data, str | Path) and not Path(data).expanduser().is_file():
        raise UsageError(
            f"There is no column '{names[0]}' to condition on, since {data} is no table: use "
            "'label' for its labels."
        )


def beside(data: Any, names: Names, label: str | int | None, width: int) -> Names:
    """Columns of data in memory that are no numbers for the model, and have to be left out.

    Args:
        width: of the model's own columns.
    """
    found = aside(names, label)
    if isinstance(data, str | Path):
        return found
    if is_frame(data):
        return tuple(name for name in found if name in [str(c) for c in data.columns])
    shape = getattr(data, "shape", ())
    return found if len(shape) == 2 and shape[1] == width + len(found) else ()
