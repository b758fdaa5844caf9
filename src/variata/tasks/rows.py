"""Rows for a trained model, from a person's data, as its schema wants them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from variata.data import Condition, Examples, Schema, Source, context_of, require_context
from variata.data.left_out import require_none
from variata.data.spool import with_columns
from variata.data.values import is_frame
from variata.errors import DataError, UsageError
from variata.tasks.conditions import beside, known_context
from variata.tasks.source import DataOptions, opened


def examples_of(
    data: Any,
    schema: Schema,
    options: DataOptions | None = None,
    condition: Condition | None = None,
    given: Any = None,
) -> Examples:
    """Rows for a trained model: a name, a path, arrays or frames, as its schema wants them.

    Args:
        data: what to read.
        schema: of the model.
        options: with which the model's own data was read; columns to leave out may be absent.
        condition: of the model.
        given: the condition of the rows, instead of the data's own.

    Raises:
        DataError: when it cannot be used, or brings no condition where the model wants one.
        UsageError: a condition for a model without.
    """
    if condition is None and given is not None:
        raise UsageError("This model was trained without a condition, so it takes none.")
    if isinstance(data, Examples):
        if condition is not None and given is not None:
            return replace(data, context=context_of(condition, given, len(data)))
        require_context(data.context, condition)
        return data
    options = options or DataOptions()
    source = _opened_like(data, options, schema)
    labels = _as_known(source, schema.label_names)
    examples = Examples.of(_selected(source, schema), schema, labels, source.factors)
    if condition is None:
        return examples
    context = known_context(data, source, condition, options.label, given)
    return replace(examples, context=context)


def values_of(data: Any, schema: Schema, options: DataOptions) -> np.ndarray:
    """Rows for a trained model in the person's own units, (N, *own_shape), which have codes.

    Raises:
        DataError: when it cannot be used.
    """
    return schema.checked(_selected(_opened_like(data, options, schema), schema))


def _as_known(source: Source, names: tuple[str, ...] | None) -> Any:
    """Labels as positions in the names that a model knows; -1 for those that it does not."""
    if source.labels is None or names is None or source.label_names in (None, names):
        return source.labels
    place = [names.index(n) if n in names else -1 for n in source.label_names or ()]
    return np.array([*place, -1])[source.labels]


def _opened_like(data: Any, options: DataOptions, schema: Schema) -> Source:
    source = _read_like(data, options, schema)
    require_none(source.name, source.left_out)
    return source


def _read_like(data: Any, options: DataOptions, schema: Schema) -> Source:
    if not isinstance(data, str | Path):
        out = beside(data, options.condition, options.label, schema.own_shape[0])
        labelled = is_frame(data) and options.label in list(data.columns)
        label = options.label if labelled else None
        return opened(data, DataOptions(label=label, condition=out))
    try:
        return opened(data, options)
    except DataError:
        if not options.ignore and not options.condition and options.label is None:
            raise
        return opened(data, replace(options, ignore=(), label=None, condition=()))


def _selected(source: Source, schema: Schema) -> Any:
    names, wanted = source.columns, schema.columns
    if names is None or wanted is None or names == wanted:
        return source.values
    missing = [column for column in wanted if column not in names]
    if missing:
        raise DataError(
            f"{source.name}: expected the column '{missing[0]}', which the table does not have. "
            f"It has: {', '.join(names)}."
        )
    return with_columns(source.values, [names.index(column) for column in wanted])
