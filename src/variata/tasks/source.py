"""From a person's data to what a model trains on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from variata.data import (
    Condition,
    Examples,
    Schema,
    Source,
    Splits,
    binarised,
    infer_schema,
    open_source,
    split,
)
from variata.data.few_labels import keep_labels, without_labels
from variata.data.source import encode_labels
from variata.data.spool import Say, silent
from variata.errors import DataError
from variata.tasks.conditions import Names, aside, learnt_context, named, require_table

BINARISED = (
    "grey levels are shown as 0 or 1: rows to learn from are drawn anew at every step, those to "
    "choose by and to measure on once"
)
READING = ("label", "ignore", "key", "size")  # the options that concern a file


@dataclass(frozen=True)
class DataOptions:
    """How to read and divide the data.

    Attributes:
        label: column of a table that holds labels; never given to the model.
        ignore: columns of a table to leave out.
        key: array of a `.npz` file.
        size: height and width that images are resized to.
        fractions: of rows for training, validation and test; a published split goes first.
        likelihood: name of the likelihood; None chooses by the data.
        condition: columns that the model is conditioned on; "label" for the labels.
        labels: how many rows to learn from keep their label, as many of each class, drawn by the
            seed; those of rows to choose by are then hidden as well. None hides none.
        binarise: show grey levels as zeros and ones, 1 with the probability of the level: rows to
            learn from are drawn anew at every step, rows to choose by and to measure on once.
        split_seed: of the division, and of labels that are kept; None takes that of the training.
    """

    label: str | int | None = None
    ignore: tuple[str | int, ...] = ()
    key: str | None = None
    size: tuple[int, int] | None = None
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
    likelihood: str | None = None
    condition: Names = ()
    labels: int | None = None
    binarise: bool = False
    split_seed: int | None = None


@dataclass(frozen=True)
class Given:
    """What a person gives as values instead of naming it: no file holds it.

    Attributes:
        condition: values of every row.
        label: the label of every row.
    """

    condition: Any = None
    label: Any = None

    @property
    def names(self) -> list[str]:
        """Of what is given."""
        return [name for name, value in vars(self).items() if value is not None]

    def __bool__(self) -> bool:
        return bool(self.names)


NOTHING = Given()


@dataclass(frozen=True)
class Prepared:
    """Data, what it is, and its parts.

    Attributes:
        name: to call it by.
        schema: what it is.
        splits: examples to learn from, to choose by, and to measure on.
        record: how to open it again.
        notes: one sentence for everything that was left out or changed.
        condition: what the model is conditioned on; None for nothing.
    """

    name: str
    schema: Schema
    splits: Splits
    record: dict[str, Any]
    notes: tuple[str, ...] = ()
    condition: Condition | None = None


def opened(data: Any, options: DataOptions, say: Say = silent) -> Source:
    """Open data by name or path, or take arrays, frames and data sets as they are."""
    require_table(data, aside(options.condition, options.label))
    asked = asdict(options)
    asked["ignore"] = (*options.ignore, *aside(options.condition, options.label))
    return open_source(data, **{name: asked[name] for name in READING}, say=say)


def taken_apart(options: DataOptions, data: Any) -> tuple[DataOptions, Given]:
    """Options that a file can hold, and the values that were given among them."""
    names = named(options.condition, data)
    label = None if isinstance(options.label, str | int) else options.label
    given = Given(None if names is not None else options.condition, label)
    plain = replace(options, condition=names or ())
    return plain if label is None else replace(plain, label=None), given


def prepare_data(
    data: Any, options: DataOptions, seed: int, say: Say = silent, given: Given = NOTHING
) -> Prepared:
    """Open the data, find out what it is, and divide it.

    Raises:
        DataError: when it cannot be used; the message says what and where.
    """
    seed = seed if options.split_seed is None else options.split_seed
    source = opened(data, options, say)
    if given.label is not None:
        labels, names = encode_labels(given.label, len(source))
        source = replace(source, labels=labels, label_names=names)
    context = learnt_context(data, source, options.condition, options.label, given.condition)
    schema = infer_schema(
        source.values,
        likelihood=None if options.binarise else options.likelihood,
        columns=source.columns,
        label_names=source.label_names,
        layout=source.layout,
    )
    examples = Examples.of_checked(source.values, schema, source.labels, source.factors)
    examples = replace(examples, context=context)
    fingerprint, beside_it = examples.fingerprint(), examples.fingerprint_beside()
    if options.binarise:
        examples = binarised(examples, options.likelihood)
    splits = split(examples, options.fractions, seed, published=source.published)
    if options.labels is not None:
        train = keep_labels(splits.train, options.labels, seed)
        splits = replace(splits, train=train, valid=without_labels(splits.valid))
    record = {
        "name": source.name,
        "source": None if given else _address(data),
        "given": given.names,
        "options": asdict(options),
        "seed": seed,
        "fingerprint": fingerprint,
        "fingerprint_beside": beside_it,
        "rows": [len(splits.train), len(splits.valid), len(splits.test)],
        "lossy": source.lossy,
    }
    condition = None if context is None else context.condition
    told = "" if condition is None else f"conditioned on {condition.describe()}"
    drawn = BINARISED if options.binarise else ""
    notes = tuple(note for note in (source.note, splits.note, drawn, told) if note)
    return Prepared(source.name, examples.schema, splits, record, notes, condition)


def changed(before: dict[str, Any], now: dict[str, Any]) -> str:
    """What is different in data that is read again; empty where nothing is.

    Args:
        before, now: records of `Prepared`.

    >>> first = {"rows": [8, 1, 1], "fingerprint": "a", "fingerprint_beside": "d"}
    >>> changed(first, first), changed(first, first | {"fingerprint": "b"})
    ('', 'values have changed since')
    >>> changed(first, first | {"rows": [9, 1, 1], "fingerprint": "c"})
    'it has 11 rows, and had 10'
    """
    rows = [sum(record.get("rows", ())) for record in (before, now)]
    if rows[0] and rows[0] != rows[1]:
        return f"it has {rows[1]:,} rows, and had {rows[0]:,}"
    if before["fingerprint"] != now["fingerprint"]:
        return "values have changed since"
    if before.get("fingerprint_beside") not in (None, now["fingerprint_beside"]):
        return "units, labels or conditions have changed since"
    return ""


def options_of(record: dict[str, Any]) -> DataOptions:
    """The options that a run's data was read with.

    Raises:
        DataError: the record holds none that could be.
    """
    try:
        return TypeAdapter(DataOptions).validate_python(record.get("options", {}))
    except ValidationError as error:
        raise DataError(
            f"The record of the data is damaged: {error.errors()[0]['msg']}."
        ) from error


def reopened(record: dict[str, Any]) -> Splits:
    """The parts of the data that a run was trained with.

    Raises:
        DataError: when the data was given in memory, is gone, or has changed since.
    """
    address = record.get("source")
    if address is None:
        raise DataError(
            "This model was trained on data given in memory, so its test rows are not at hand: "
            "name the data to use."
        )
    prepared = prepare_data(address, options_of(record), record["seed"])
    if prepared.record["fingerprint"] != record["fingerprint"]:
        raise DataError(
            f"{address} has changed since the run was trained on it, so its test rows are no "
            "longer known: name the data to use."
        )
    return prepared.splits


def _address(data: Any) -> str | None:
    if not isinstance(data, str | Path):
        return None
    path = Path(data)
    return str(path.resolve()) if path.exists() else str(data)
