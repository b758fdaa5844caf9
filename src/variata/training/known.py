"""The numbers of a state from a file are believed only after they were checked."""

from __future__ import annotations

import json
from functools import cache
from typing import Annotated, Literal, NotRequired

from annotated_types import Ge, Gt, Le
from pydantic import AfterValidator, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from variata.errors import StoreError
from variata.training.checkpoint import State
from variata.training.history import History

Count = Annotated[int, Ge(0), Le(2**53)]
Share = Annotated[float, Ge(0), Le(1)]


class Machine(TypedDict):
    """See `variata.training.machine.How`."""

    threads: Annotated[int, Ge(1), Le(512)]
    compiled: bool
    batch_size: Count
    precision: Literal["fp32", "bf16", "fp64"]
    products: Literal["usual", "onednn"]
    replayed: NotRequired[bool]
    channels_last: NotRequired[bool]


class Means(TypedDict):
    """See `variata.training.meter.Meter`."""

    sums: dict[str, float]
    count: Count


def _of_steps(means: Means) -> Means:
    if means["sums"] and not means["count"]:
        raise ValueError("sums over no step")
    return means


class Numbers(TypedDict):
    """What `variata.training.state` keeps beside the tensors."""

    step: Count
    failures: Count
    rollbacks: Count
    lr_factor: Annotated[float, Gt(0), Le(1)]
    most: Count
    best_criterion: float
    best_progress: Share
    usual_norms: list[Annotated[float, Ge(0)] | None]
    meter: Annotated[Means, AfterValidator(_of_steps)]
    how: Machine
    usual_norm: NotRequired[float | None]
    planned: NotRequired[Count | None]
    where: NotRequired[tuple[str, Count]]
    seconds: Annotated[float, Ge(0), Le(1e12)]
    history: History


def known(state: State | None) -> State | None:
    """The state, if its numbers are such as a training writes.

    Raises:
        StoreError: naming the first that is not.
    """
    if state is None:
        return None
    try:
        checked = _numbers().validate_json(json.dumps(state.numbers), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise StoreError(
            f"The checkpoint is no state of a training: {where}: {first['msg'].lower()}. "
            "Train anew into another folder."
        ) from error
    return State(state.tensors, state.numbers | _numbers().dump_python(checked))


@cache
def _numbers() -> TypeAdapter[Numbers]:
    return TypeAdapter(Numbers)
