"""How a step is taken: its batch, its losses and gradients, and what moves by them."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from variata.batch import Batch
from variata.models import LatentModel
from variata.noise import Place, placed
from variata.schedules import Moment
from variata.training.adamw import BETAS, AdamW, Kernels
from variata.training.after_step import Followers
from variata.training.average import Average
from variata.training.habits import PLAIN
from variata.training.inputs import Kinds, batch_of, tensors_of
from variata.training.machine import How
from variata.training.memory import out_of_memory
from variata.training.phase import Phase, phase_at, players_of
from variata.training.precision import data_type
from variata.training.processes import Processes
from variata.training.randomness import reseed
from variata.training.replay import Replays
from variata.training.settings import Settings
from variata.training.validation import Examples, on
from variata.training.weights import Weights
from variata.training.work import Result, Work

VIEW, FOLLOWING = 1, 2  # keep the noise of views and of followers apart from that of latents


@dataclass(frozen=True)
class Graphs:
    """What has been compiled, to be shared with copies of a training.

    Attributes:
        steps: of each phase, by the place of the rows.
        moves: of the optimisers.
    """

    steps: dict[int, dict[Place, Callable[..., Any]]] = field(default_factory=dict)
    moves: Kernels = field(default_factory=dict)


class Stepper:
    """The model, its players and their optimisers, and the average that follows them.

    Args:
        note: is told what a person should know.

    Attributes:
        most: rows of a batch at once, as asked or since memory ran out; 0 for no limit.
        waits: whether the figures of each step are waited for.
    """

    def __init__(
        self,
        model: LatentModel,
        phases: Sequence[Phase],
        settings: Settings,
        device: torch.device,
        how: How,
        processes: Processes,
        graphs: Graphs | None,
        note: Callable[[str], Any],
    ) -> None:
        self.model, self.phases, self.settings = model, phases, settings
        self.device, self.how, self.processes = device, how, processes
        self.graphs, self.note = graphs or Graphs(), note
        self.waits, self.most = device.type == "cpu", settings.micro_batch or 0
        self.replays = Replays(how.replayed and device.type == "cuda", note)
        self.players, self.dtype = players_of(phases), data_type(how.precision)
        for player in self.players:
            player.to(device, self.dtype).train()
        model.to(self.dtype).train()
        last = how.channels_last and not how.compiled  # compilers lay out by themselves
        self._lay_out(torch.channels_last if last else torch.contiguous_format)
        self.followers = Followers(model)
        copied = copy.deepcopy(model)  # before it holds short copies
        self.optimisers = self._optimisers()
        self.average = Average(copied, model, self.optimisers[0].weights, settings.ema)
        self.parts: dict[int, tuple[Work, list[AdamW]]] = {}

    def take(
        self, examples: Examples, index: Tensor, moment: Moment, lr: float
    ) -> tuple[list[str], Any]:
        """Take one step on the rows at `index` (B,); names of its terms, and its figures (F,).

        The figures end with those of the terms, nats per example, and are waited for on a
        processor alone.
        """
        phase = phase_at(self.phases, moment)
        work, moving = self._parts(phase)
        done = self._replayed(examples, index, phase, moment, lr)
        if done is None:
            done = self._moved(self._computed(examples, index, phase, moment), moving, lr)
        figures, *statistics = done
        if self.followers.places:
            if statistics:  # the same noise in all processes, compiled or not
                reseed(self.device, self.settings.seed, moment.step, FOLLOWING)
            self.followers.after_step(statistics, moment)
        self.average.update(moment.step)
        return work.names, figures

    def run_eagerly(self) -> How:
        """Compile nothing from here on; how steps are computed then."""
        self.how = replace(self.how, compiled=False)
        for work, _ in self.parts.values():
            work.how = self.how
        for optimiser in self.optimisers:
            optimiser.kernels = None
        return self.how

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Inside, the model and its players hold their own weights, in full precision."""
        with ExitStack() as stack:
            for optimiser in self.optimisers:
                stack.enter_context(optimiser.weights.whole())
            yield

    def close(self) -> None:
        """Give the model and its players their weights back, however training has ended."""
        for optimiser in self.optimisers:
            optimiser.weights.release()
        self._lay_out(torch.contiguous_format)

    def _optimisers(self) -> list[AdamW]:
        short, settings = self.how.precision == "bf16", self.settings
        kernels = self.graphs.moves if self.how.compiled else None
        paces = [1.0, *(player.pace for player in self.players)]
        own = [player.momentum for player in self.players]
        momenta = [min([BETAS[0], *own]), *own]
        lr, decay = settings.lr or PLAIN.lr, settings.weight_decay
        return [
            AdamW(Weights(module, short), lr, decay, pace, kernels, momentum)
            for module, pace, momentum in zip(
                (self.model, *self.players), paces, momenta, strict=True
            )
        ]

    def _lay_out(self, layout: torch.memory_format) -> None:
        for module in (self.model, *self.players):
            module.to(memory_format=layout)  # type: ignore[call-overload]

    def _parts(self, phase: Phase) -> tuple[Work, list[AdamW]]:
        """What computes the steps of a phase, and the optimisers that they move."""
        if id(phase) not in self.parts:
            playing = {id(player) for player in phase.objective.players.values()}
            pairs = zip(self.players, self.optimisers[1:], strict=True)
            moving = [self.optimisers[0], *(o for player, o in pairs if id(player) in playing)]
            owned = [optimiser.weights.leaves for optimiser in moving]
            graphs = self.graphs.steps.setdefault(self.phases.index(phase), {})
            work = Work(self.model, phase.objective, owned, self.how, self.processes, graphs)
            self.parts[id(phase)] = (work, moving)
        return self.parts[id(phase)]

    def _computed(self, examples: Examples, index: Tensor, phase: Phase, moment: Moment) -> Result:
        """Losses and gradients; where memory runs out, again with half the rows at once."""
        work, _ = self._parts(phase)
        place = self.processes.place(len(index))
        if self.processes.count > 1:
            index = index[place.start : place.stop]

        def restart() -> None:
            self._restart_noise(moment)

        while True:
            try:
                batch = self._seen(examples.gather(index), phase, moment, place)
                restart()
                return work(batch, moment, place, self.most, restart)
            except (RuntimeError, MemoryError) as error:
                rows = min(self.most or len(index), len(index))
                if not out_of_memory(error) or rows < 2:
                    raise
                self.most = -(-rows // 2)
                self.note(
                    f"At step {moment.step} memory ran out: batches are taken {self.most} rows at "
                    "a time from there on, with the same gradients."
                )

    def _moved(self, result: Result, moving: Sequence[AdamW], lr: float | Tensor) -> list[Any]:
        """Move all players; figures, then statistics."""
        figures = self._judged(result)
        for player, gradient, norm in zip(moving, result.gradients, figures, strict=False):
            player.move(gradient, norm, lr)
        return [figures, *result.statistics]

    def _judged(self, result: Result) -> Any:
        """The figures, as numbers on a processor; one that is not finite marks all of them."""
        if not self.waits:
            figures = result.figures
            return figures + 0 * figures.sum()
        numbers = result.read()
        return numbers if math.isfinite(sum(numbers)) else [math.nan] * len(numbers)

    def _replayed(
        self, examples: Examples, index: Tensor, phase: Phase, moment: Moment, lr: float
    ) -> list[Any] | None:
        """What `_moved` returns, by the recorded step of a phase; None where there is none."""
        if not self.replays.wanted:
            return None
        number = self.phases.index(phase)
        whole = len(index) == self.how.batch_size and not self.most and self.processes.count == 1
        if not whole or not self.replays.due(number):
            return None
        work, moving = self._parts(phase)
        kinds: Kinds = ()
        inputs: Sequence[Tensor] = [index]
        if phase.view is not None or index.device.type != self.device.type:
            place = Place(0, len(index), len(index))
            inputs, kinds = tensors_of(self._seen(examples.gather(index), phase, moment, place))

        def compute(inputs: Sequence[Tensor], numbers: Tensor) -> tuple[Tensor, ...]:
            batch = batch_of(inputs, kinds) if kinds else self._held(examples.gather(inputs[0]))
            result = work.from_numbers(batch, numbers[:-1])
            return tuple(self._moved(result, moving, numbers[-1]))

        self._restart_noise(moment)
        done = self.replays.step(number, compute, inputs, [*work.numbers(moment), lr])
        return None if done is None else [done[0].clone(), *done[1:]]

    def _seen(self, batch: Batch, phase: Phase, moment: Moment, place: Place) -> Batch:
        batch = self._held(batch)
        if phase.view is None:
            return batch
        reseed(self.device, self.settings.seed, moment.step, VIEW)
        with placed(place):
            return phase.view(batch)

    def _held(self, batch: Batch) -> Batch:
        return on(batch, self.device, self.dtype)

    def _restart_noise(self, moment: Moment) -> None:
        reseed(self.device, self.settings.seed, moment.step)
