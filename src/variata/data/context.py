"""What each row of a data set is conditioned on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from variata.data.condition import Condition
from variata.data.values import is_frame
from variata.errors import DataError, ShapeError, UsageError


@dataclass(frozen=True, eq=False)
class Context:
    """The condition of every row.

    Attributes:
        condition: what the codes mean.
        codes: (N, F), see `Condition`.

    >>> from variata.data.condition import infer_condition
    >>> condition = infer_condition({"kind": ["cat", "dog"]})
    >>> Context(condition, condition.codes({"kind": ["dog", "cat"]})).gather(torch.tensor([0]))
    tensor([[0., 1.]])
    """

    condition: Condition
    codes: Tensor

    def __len__(self) -> int:
        return len(self.codes)

    def gather(self, index: Tensor) -> Tensor:
        """What the model sees of some rows, (B, C)."""
        return self.condition.to_model(self.codes.index_select(0, index))

    def subset(self, index: Tensor) -> Context:
        """The condition of some rows."""
        return Context(self.condition, self.codes.index_select(0, index))

    def repeated(self, rows: int) -> Context:
        """So many rows: these again and again, in their order."""
        return self.subset(torch.arange(rows) % len(self))

    def to(self, device: torch.device) -> Context:
        """The same on a device."""
        return Context(self.condition, self.codes.to(device))


def context_of(condition: Condition, given: Any, rows: int) -> Context:
    """The condition of rows as a person gives it: one value for all of them, or one for each.

    Args:
        given: a value or values (N,) for a single field, a mapping or a frame for several, or an
            array (N, F) in their order.

    Raises:
        DataError: a value is missing or unknown.
        UsageError: a name that the model is not conditioned on.
        ShapeError: values for another number of rows.

    >>> from variata.data.condition import infer_condition
    >>> condition = infer_condition({"kind": ["cat", "dog"]})
    >>> len(context_of(condition, "dog", 3)), len(context_of(condition, ["dog", "cat"], 2))
    (3, 2)
    """
    if isinstance(given, Context):
        return _all(given, rows)
    columns = columns_of(given, condition.names)
    for name in columns:
        if name not in condition.names:
            known = ", ".join(condition.names)
            raise UsageError(f"The model is not conditioned on '{name}', but on {known}.")
    return _all(Context(condition, condition.codes(columns)), rows)


def columns_of(given: Any, names: Sequence[str] = ()) -> dict[str, Any]:
    """Values by name, (N,) each, of a mapping, a frame, or arrays whose columns have such names.

    Raises:
        ShapeError: another number of columns, or columns of several lengths.
    """
    if isinstance(given, Mapping):
        columns = {str(name): np.atleast_1d(_plain(v)) for name, v in given.items()}
    elif is_frame(given):
        columns = {str(name): given[name].to_numpy() for name in given.columns}
    else:
        array = np.atleast_1d(_plain(given))
        array = array[:, None] if array.ndim == 1 else array
        used = names or (["condition"] if array.shape[1] == 1 else _numbered(array.shape[1]))
        if array.ndim != 2 or array.shape[1] != len(used):
            raise ShapeError(
                f"The condition ({', '.join(used)}) has {len(used)} columns, got values of shape "
                f"{array.shape}: give rows of {len(used)}, or values by name."
            )
        columns = {name: array[:, i] for i, name in enumerate(used)}
    longest = max(map(len, columns.values()), default=0)
    if any(len(column) not in (1, longest) for column in columns.values()):
        raise ShapeError("The columns of the condition have several lengths: give one for a row.")
    return {n: np.repeat(c, longest) if len(c) == 1 else c for n, c in columns.items()}


def _numbered(count: int) -> list[str]:
    return [f"condition {i}" for i in range(count)]


def _plain(value: Any) -> Any:
    plain = value.detach().cpu().numpy() if isinstance(value, Tensor) else value
    return plain if isinstance(plain, np.ndarray) else np.asarray(plain, dtype=object)


def _all(context: Context, rows: int) -> Context:
    if len(context) == rows:
        return context
    if len(context) == 1:
        return Context(context.condition, context.codes.expand(rows, -1))
    raise ShapeError(
        f"There are {rows} rows, and conditions for {len(context)}: give one for each."
    )


def require_context(context: Context | None, condition: Condition | None) -> None:
    """Refuse rows without the condition that a model wants.

    Raises:
        DataError: naming what is missing.
    """
    if condition is not None and context is None:
        raise DataError(condition.missing(condition.names[0]))
