"""A step on an accelerator, recorded once and replayed as one graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

WARM = 3  # steps of a phase that run as they are before one is recorded
SLOTS = 64  # steps whose numbers may be on their way to the device at a time

Results = tuple[Tensor, ...]
Compute = Callable[[Sequence[Tensor], Tensor], Results]


class Recorded:
    """A function of tensors as one CUDA graph, which a call fills in and replays.

    What it launches is fixed, with the memory that it reads and writes: its results are the same
    tensors each time. Random numbers are those of the generator's state at the call.

    Args:
        compute: of inputs and numbers; it must not wait for the device.
        inputs: examples of what changes from step to step; copies of them are the graph's own.
        numbers: how many plain numbers it takes beside them.
    """

    def __init__(self, compute: Compute, inputs: Sequence[Tensor], numbers: int) -> None:
        self.inputs = [tensor.clone() for tensor in inputs]
        device = self.inputs[0].device
        self.numbers = torch.zeros(numbers, device=device)
        self.slots = torch.zeros(SLOTS, numbers, pin_memory=device.type == "cuda")
        self.calls = 0
        self.replay, self.results = captured(lambda: compute(self.inputs, self.numbers))

    def __call__(self, inputs: Sequence[Tensor], numbers: Sequence[float]) -> Results:
        """Results for these, on the device; the next call writes over them."""
        slot = self.slots[self.calls % SLOTS]
        slot.copy_(torch.tensor(numbers))
        self.calls += 1
        self.numbers.copy_(slot, non_blocking=True)
        for own, given in zip(self.inputs, inputs, strict=True):
            own.copy_(given)
        self.replay()
        return self.results


class Replays:
    """The recorded steps of a training, one for each phase.

    Args:
        wanted: whether steps are recorded at all.
        note: is told once what could not be.
    """

    def __init__(self, wanted: bool, note: Callable[[str], Any]) -> None:
        self.wanted, self.note = wanted, note
        self.warmed: Counter[int] = Counter()
        self.recorded: dict[int, Recorded] = {}

    def due(self, phase: int) -> bool:
        """Whether a step of this phase may be replayed; its first ones run as they are."""
        self.warmed[phase] += self.wanted
        return self.wanted and self.warmed[phase] > WARM

    def step(
        self, phase: int, compute: Compute, inputs: Sequence[Tensor], numbers: Sequence[float]
    ) -> Results | None:
        """The results of a step, or None where it can only run as it is."""
        if phase not in self.recorded:
            try:
                self.recorded[phase] = Recorded(compute, inputs, len(numbers))
            except Exception as error:  # whatever waits for the device or cannot be recorded
                self.wanted = False
                reason = (str(error).strip() or "no reason").splitlines()[0][:120]
                self.note(f"Steps are not recorded: {type(error).__name__}: {reason}.")
                return None
        return self.recorded[phase](inputs, numbers)


def captured(function: Callable[[], Results]) -> tuple[Callable[[], Any], Results]:
    """What replays a function on this device, and its results, not computed yet.

    A capture that fails leaves its generator of random numbers unusable outside of captures, so
    that the generator goes on from a copy.
    """
    generator = torch.cuda.default_generators[torch.cuda.current_device()]
    state, graph = generator.clone_state(), torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(graph):
            results = function()
    except BaseException:
        generator.graphsafe_set_state(state)
        raise
    return graph.replay, results
