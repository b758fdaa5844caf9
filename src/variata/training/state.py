"""From a training to its state, and back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from torch import Tensor

from variata.errors import StoreError
from variata.training.checkpoint import State
from variata.training.history import Report
from variata.training.loop import Loop

NUMBERS = (
    "step",
    "failures",
    "rollbacks",
    "lr_factor",
    "best_criterion",
    "best_progress",
)


def state_of(loop: Loop) -> State:
    """All that is needed to go on later."""
    loop.settle()
    stepper = loop.stepper
    with stepper.whole():
        tensors = _named("model", loop.model.state_dict())
        for i, player in enumerate(stepper.players):
            tensors |= _named(f"player.{i}", player.state_dict())
    tensors |= _named("average", stepper.average.model.state_dict())
    tensors |= _named("best", loop.best)
    for i, optimiser in enumerate(stepper.optimisers):
        tensors |= _named(f"optimiser.{i}", optimiser.state())
    numbers: dict[str, Any] = {name: getattr(loop, name) for name in NUMBERS}
    numbers["most"] = stepper.most
    numbers["usual_norms"] = [optimiser.usual() for optimiser in stepper.optimisers]
    numbers["meter"] = {"sums": loop.meter.sums, "count": loop.meter.count}
    numbers["how"], numbers["planned"] = loop.how.as_dict(), loop.clock.planned(loop.step)
    numbers["where"] = [loop.device.type, loop.processes.count]
    numbers["seconds"], numbers["history"] = loop.clock.seconds(), asdict(loop.history)
    return State(tensors, numbers)


def take_up(loop: Loop, state: State) -> None:
    """Go on from a state.

    Raises:
        StoreError: when the state belongs to another model.
    """
    stepper = loop.stepper
    try:
        with stepper.whole():
            loop.model.load_state_dict(_under("best", state.tensors))  # only whether it fits
            loop.model.load_state_dict(_under("model", state.tensors))
            for i, player in enumerate(stepper.players):
                player.load_state_dict(_under(f"player.{i}", state.tensors))
        stepper.average.model.load_state_dict(_under("average", state.tensors))
        for i, optimiser in enumerate(stepper.optimisers):
            optimiser.take_up(_under(f"optimiser.{i}", state.tensors))
            optimiser.usual_norm = state.numbers["usual_norms"][i]
    except (RuntimeError, LookupError, ValueError) as error:
        raise StoreError(
            "The checkpoint belongs to another model than this one: resume with the settings "
            "it was started with, or train into another folder."
        ) from error
    loop.best = {k: v.to(loop.device) for k, v in _under("best", state.tensors).items()}
    for name in NUMBERS:
        setattr(loop, name, state.numbers[name])
    stepper.most = state.numbers["most"]
    if loop.step:  # before the first, the clock has begun anew
        loop.clock.before = state.numbers["seconds"]
    loop.meter.sums, loop.meter.count = state.numbers["meter"].values()
    past = state.numbers["history"]
    reports = [Report(**report) for report in past.pop("reports")]
    loop.history.__dict__.update(past, reports=reports, rollbacks=loop.rollbacks)


def _named(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": value for name, value in tensors.items()}


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {n.removeprefix(start): value for n, value in tensors.items() if n.startswith(start)}
