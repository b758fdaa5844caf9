"""From a training to its state, and back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from torch import Tensor

from variata.errors import StoreError
from variata.training.checkpoint import State
from variata.training.history import Report
from variata.training.loop import Loop
from variata.training.optimiser import parameters_of

MOMENTS = ("step", "exp_avg", "exp_avg_sq")
NUMBERS = (
    "step",
    "failures",
    "rollbacks",
    "lr_factor",
    "most",
    "best_criterion",
    "best_progress",
)


def state_of(loop: Loop) -> State:
    """All that is needed to go on later."""
    loop.settle()
    tensors = _named("model", loop.model.state_dict())
    tensors |= _named("average", loop.average.model.state_dict())
    tensors |= _named("best", loop.best)
    for i, values in loop.optimiser.state_dict()["state"].items():
        tensors |= _named(f"optimiser.{i}", values)
    numbers: dict[str, Any] = {name: getattr(loop, name) for name in NUMBERS}
    usual = loop.optimiser.param_groups[0].get("usual_norm")
    numbers["usual_norm"] = None if usual is None else float(usual)
    numbers["meter"] = {"sums": loop.meter.sums, "count": loop.meter.count}
    numbers["how"], numbers["planned"] = loop.how.as_dict(), loop.clock.planned(loop.step)
    numbers["seconds"], numbers["history"] = loop.clock.seconds(), asdict(loop.history)
    return State(tensors, numbers)


def take_up(loop: Loop, state: State) -> None:
    """Go on from a state.

    Raises:
        StoreError: when the state belongs to another model.
    """
    try:
        loop.model.load_state_dict(_under("best", state.tensors))  # only whether it fits
        loop.model.load_state_dict(_under("model", state.tensors))
        loop.average.model.load_state_dict(_under("average", state.tensors))
        _take_up_optimiser(loop, state)
    except (RuntimeError, LookupError, ValueError) as error:
        raise StoreError(
            "The checkpoint belongs to another model than this one: resume with the settings "
            "it was started with, or train into another folder."
        ) from error
    loop.best = {k: v.to(loop.device) for k, v in _under("best", state.tensors).items()}
    for name in NUMBERS:
        setattr(loop, name, state.numbers[name])
    loop.clock.before = state.numbers["seconds"]
    loop.meter.sums, loop.meter.count = state.numbers["meter"].values()
    past = state.numbers["history"]
    reports = [Report(**report) for report in past.pop("reports")]
    loop.history.__dict__.update(past, reports=reports)


def _take_up_optimiser(loop: Loop, state: State) -> None:
    saved = loop.optimiser.state_dict()
    own, entries = parameters_of(loop.optimiser), dict[int, dict[str, Tensor]]()
    for name, value in _under("optimiser", state.tensors).items():
        i, key = name.split(".", 1)
        entries.setdefault(int(i), {})[key] = value
        if value.shape != (() if key == "step" else own[int(i)].shape) or key not in MOMENTS:
            raise ValueError(f"optimiser.{name} is {tuple(value.shape)}")
    if any(len(entry) < len(MOMENTS) for entry in entries.values()):
        raise ValueError("a part of the optimiser is missing")
    loop.optimiser.load_state_dict({**saved, "state": entries})
    if state.numbers["usual_norm"] is not None:
        loop.optimiser.param_groups[0]["usual_norm"] = state.numbers["usual_norm"]


def _named(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": value for name, value in tensors.items()}


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {n.removeprefix(start): value for n, value in tensors.items() if n.startswith(start)}
