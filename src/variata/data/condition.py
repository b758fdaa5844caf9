"""What a model is conditioned on, in a person's own words and units: classes and numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from variata.data.words import known, numbers, texts
from variata.errors import DataError, UsageError, did_you_mean

SHOWN = 12  # classes named in an error
MOST_CLASSES = 20  # distinct whole numbers up to which a column of them holds classes


@dataclass(frozen=True)
class Field:
    """One thing that is known of every example.

    Attributes:
        name: of the column, or "label".
        classes: the names of its classes; None for a number.
        mean, scale: of a number.
    """

    name: str
    classes: tuple[str, ...] | None = None
    mean: float = 0.0
    scale: float = 1.0

    @property
    def width(self) -> int:
        """Values that a model sees of it."""
        return 1 if self.classes is None else len(self.classes)

    def codes(self, values: Any) -> np.ndarray:
        """Positions of classes, or standardised numbers, (N,) float32, of own values.

        Raises:
            DataError: a value is missing, an unknown class, or no number.
        """
        if self.classes is None:
            own = numbers(values)
            return (
                (self._all_known(own, np.isfinite(own), values) - self.mean) / self.scale
            ).astype(np.float32)
        own = texts(values)
        self._all_known(own, own != "", values)
        place = {name: i for i, name in enumerate(self.classes)}
        found = np.array([place.get(str(name), -1) for name in own])
        if (found < 0).any():
            raise DataError(self._unknown(str(own[int(np.argmin(found))])))
        return found.astype(np.float32)

    def _all_known(self, own: np.ndarray, fine: np.ndarray, values: Any) -> np.ndarray:
        if not fine.all():
            row = int(np.argmin(fine))
            what = "class" if self.classes else "number"
            held = np.asarray(values, dtype=object).reshape(-1)[row]
            raise DataError(
                f"The model is conditioned on {self.name}, and row {row} has no {what} there (it"
                f" holds {held!r}): fill it in, or leave the row out."
            )
        return own

    def _unknown(self, name: str) -> str:
        classes = self.classes or ()
        shown = ", ".join(classes[:SHOWN]) + (", ..." if len(classes) > SHOWN else "")
        hint = did_you_mean(name, classes)
        return f"The model knows no {self.name} '{name}'.{hint} It knows: {shown}."


@dataclass(frozen=True)
class Condition:
    """All that a model is conditioned on; saved with it.

    Codes are (N, F), one column for each field. The model sees (N, C): classes as indicators,
    numbers standardised.

    >>> condition = infer_condition({"kind": ["cat", "dog", "cat"], "height": [1.5, 2.5, 2.0]})
    >>> condition.describe()
    'kind (2 classes), height (a number, about 2)'
    >>> condition.to_model(condition.codes({"kind": ["dog"], "height": [2.0]}))
    tensor([[0., 1., 0.]])
    """

    fields: tuple[Field, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The fields' names."""
        return tuple(field.name for field in self.fields)

    @property
    def width(self) -> int:
        """C, values that the model sees."""
        return sum(field.width for field in self.fields)

    def codes(self, columns: Mapping[str, Any]) -> Tensor:
        """Codes (N, F) of own values by name, (N,) each.

        Raises:
            DataError: a field or a value is missing, or unknown; names it.
        """
        for field in self.fields:
            if field.name not in columns:
                raise DataError(self.missing(field.name))
        return torch.from_numpy(np.stack([f.codes(columns[f.name]) for f in self.fields], 1))

    def to_model(self, codes: Tensor) -> Tensor:
        """Codes (B, F) to what the model sees, (B, C)."""
        parts = [
            column[:, None]
            if field.classes is None
            else torch.nn.functional.one_hot(column.long(), field.width).to(codes.dtype)
            for field, column in zip(self.fields, codes.unbind(1), strict=True)
        ]
        return torch.cat(parts, 1)

    def missing(self, name: str) -> str:
        """A sentence about what an example has to come with."""
        return (
            f"The model is conditioned on {', '.join(self.names)}, and the data brings no {name}: "
            "name it with the condition (--condition on the command line, condition= in Python), "
            "or give data that has it."
        )

    def describe(self) -> str:
        """A line that says what each field is."""
        return ", ".join(
            f"{f.name} ({len(f.classes)} classes)"
            if f.classes
            else f"{f.name} (a number, about {f.mean:.3g})"
            for f in self.fields
        )

    def to_json(self) -> list[dict[str, Any]]:
        """A plain list of numbers, texts and lists."""
        return [asdict(f) | {"classes": f.classes and list(f.classes)} for f in self.fields]

    @classmethod
    def from_json(cls, record: Any) -> Condition:
        """The condition that `to_json` wrote.

        Raises:
            DataError: it is none that could be.
        """
        try:
            content = json.dumps(record)
            fields = TypeAdapter(tuple[Field, ...]).validate_json(content, strict=True)
        except (ValidationError, TypeError, ValueError) as error:
            raise DataError("The condition of the model is damaged.") from error
        names = [f.name for f in fields]
        if not fields or len(set(names)) != len(names) or not all(map(_sound, fields)):
            raise DataError("The condition of the model is damaged.")
        return cls(fields)


def infer_condition(columns: Mapping[str, Any], classes: Sequence[str] = ()) -> Condition:
    """What columns of own values (N,) hold: texts are classes, and so are few whole numbers.

    Args:
        classes: names of columns that hold classes whatever they are.

    Raises:
        DataError: a value is missing, or a column has a single class; names it.
    """
    return Condition(tuple(_field(n, v, n in classes) for n, v in columns.items()))


def _field(name: str, values: Any, classes: bool) -> Field:
    own, words = numbers(values), texts(values)
    if classes or _holds_classes(own):
        found = known(words)
        if len(found) < 1:
            raise DataError(f"There is no {name} to condition on: no row has one.")
        field = Field(name, found)
    else:
        fine = own[np.isfinite(own)]
        scale = float(fine.std()) or 1.0
        field = Field(name, None, float(fine.mean()), scale)
    field.codes(values)  # which refuses rows without a value
    return field


def _holds_classes(own: np.ndarray) -> bool:
    """Texts that are no numbers, or few whole numbers."""
    fine = own[np.isfinite(own)]
    if len(fine) < len(own) / 2:
        return True
    return bool((fine == np.rint(fine)).all()) and len(np.unique(fine)) <= MOST_CLASSES


def _sound(field: Field) -> bool:
    if field.classes is not None:
        return 0 < len(field.classes) == len(set(field.classes))
    return math.isfinite(field.mean) and math.isfinite(field.scale) and field.scale > 0


def parsed_condition(texts_: Sequence[str]) -> Any:
    """The value or values by name of "7", or of "height=1.8" and "kind=cat".

    Raises:
        UsageError: bare values beside others.

    >>> parsed_condition(["7"]), parsed_condition(["height=1.8", "kind=cat"])
    ('7', {'height': '1.8', 'kind': 'cat'})
    """
    if len(texts_) == 1 and "=" not in texts_[0]:
        return texts_[0]
    pairs = [text.partition("=") for text in texts_]
    if not all(mark and value for _, mark, value in pairs):
        raise UsageError("--condition needs one value, or NAME=VALUE for each of several names.")
    return {name: value for name, _, value in pairs}
