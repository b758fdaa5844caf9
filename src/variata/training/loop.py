"""The state of one training, and what happens to it at a step, a report and a failure."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from variata.batch import Batch
from variata.errors import DivergenceError
from variata.models import LatentModel
from variata.noise import Place, placed
from variata.schedules import Moment
from variata.training.adamw import AdamW, Kernels
from variata.training.after_step import Followers
from variata.training.average import Average
from variata.training.clock import Clock
from variata.training.habits import PLAIN
from variata.training.history import History, Report
from variata.training.inputs import Kinds, batch_of, tensors_of
from variata.training.machine import EAGER, How
from variata.training.meter import Meter
from variata.training.optimiser import learning_rate
from variata.training.phase import Phase, phase_at, players_of
from variata.training.precision import data_type
from variata.training.processes import ALONE, Processes
from variata.training.randomness import reseed
from variata.training.replay import Replays
from variata.training.settings import Settings
from variata.training.validation import Examples, on, validate
from variata.training.weights import Weights
from variata.training.work import Result, Work, out_of_memory

FAILURES = 5  # steps in a row that are not finite before the weights are put back
ROLLBACKS = 3
WENT_BACK = "went back to the best weights"
LOOK_EVERY = 50  # steps between looks at an accelerator, which has to be waited for
VIEW, FOLLOWING = 1, 2  # keep the noise of views and of followers apart from that of latents
SIGNS = {"elbo": 1, "distortion": -1, "bound": -1}  # of a log density in a figure
RESERVE = 1.5  # times the first validation's duration: what a budget keeps for the last one


@dataclass(frozen=True)
class Graphs:
    """What has been compiled, to be shared with copies of a training.

    Attributes:
        steps: of each phase, by the place of the rows.
        moves: of the optimisers.
    """

    steps: dict[int, dict[Place, Callable[..., Any]]] = field(default_factory=dict)
    moves: Kernels = field(default_factory=dict)


class Loop:
    """One training: the model, its players, their optimisers, and the best weights so far."""

    def __init__(
        self,
        model: LatentModel,
        phases: Sequence[Phase],
        settings: Settings,
        clock: Clock,
        device: torch.device,
        log_jacobian: float = 0.0,
        how: How = EAGER,
        processes: Processes = ALONE,
        graphs: Graphs | None = None,
    ) -> None:
        self.log_jacobian, self.how, self.processes = log_jacobian, how, processes
        self.graphs = graphs or Graphs()
        self.waits = device.type == "cpu"  # for the figures of each step
        self.look_every = 1 if self.waits else LOOK_EVERY
        self.model, self.phases, self.settings = model, phases, settings
        self.clock, self.device = clock, device
        self.step, self.failures, self.rollbacks, self.lr_factor = 0, 0, 0, 1.0
        self.most = 0  # rows at once; 0 for no limit
        self.meter, self.history = Meter(), History()
        self.replays = Replays(how.replayed and device.type == "cuda", self._note)
        self.players = players_of(phases)
        for player in self.players:
            player.to(device, data_type(how.precision)).train()
        self.moment = clock.moment(0)
        model.to(data_type(how.precision)).train()
        last = how.channels_last and not how.compiled  # compilers lay out by themselves
        self._lay_out(torch.channels_last if last else torch.contiguous_format)
        self._prepare()
        self.best = self._averaged()
        self.best_criterion, self.best_progress = math.inf, 0.0

    def advance(self, examples: Examples, index: Tensor) -> None:
        """Take one step on the rows at `index`.

        Raises:
            DivergenceError: when the loss leaves the finite numbers again and again.
        """
        phase = phase_at(self.phases, self.moment)
        work, moving = self._parts(phase)
        done = self._replayed(examples, index, phase) if self._records(index, phase) else None
        if done is None:
            result = self._computed(examples, index, phase, work)
            done = self._moved(result, moving, self._lr())
        figures, *statistics = done
        self._follow(statistics)
        self.average.update(self.step)
        self.meter.add(work.names, figures)
        self.step += 1
        if self.step % self.look_every == 0:
            self.settle()

    def _moved(self, result: Result, moving: Sequence[AdamW], lr: float | Tensor) -> list[Any]:
        """Move all players; figures, then statistics."""
        figures = self._judged(result.figures)
        for player, gradient, norm in zip(moving, result.gradients, figures, strict=False):
            player.move(gradient, norm, lr)
        return [figures, *result.statistics]

    def _records(self, index: Tensor, phase: Phase) -> bool:
        whole = len(index) == self.how.batch_size and not self.most and self.processes.count == 1
        return whole and self.replays.due(self.phases.index(phase))

    def _replayed(self, examples: Examples, index: Tensor, phase: Phase) -> list[Any] | None:
        """The same by the recorded step of a phase; None where there can be none."""
        work, moving = self._parts(phase)
        kinds: Kinds = ()
        inputs: Sequence[Tensor] = [index]
        if phase.view is not None or index.device.type != self.device.type:
            place = Place(0, len(index), len(index))
            inputs, kinds = tensors_of(self._seen(examples.gather(index), phase, place))

        def compute(inputs: Sequence[Tensor], numbers: Tensor) -> tuple[Tensor, ...]:
            batch = batch_of(inputs, kinds) if kinds else self._held(examples.gather(inputs[0]))
            result = work.from_numbers(batch, numbers[:-1])
            return tuple(self._moved(result, moving, numbers[-1]))

        self._restart_noise()
        numbers = [*work.numbers(self.moment), self._lr()]
        done = self.replays.step(self.phases.index(phase), compute, inputs, numbers)
        return None if done is None else [done[0].clone(), *done[1:]]

    def _note(self, said: str) -> None:
        self.history.notes.append(said)

    def _follow(self, statistics: Sequence[Tensor]) -> None:
        """Let followers change, with the same noise in all processes, compiled or not."""
        if statistics:
            reseed(self.device, self.settings.seed, self.step, FOLLOWING)
        self.followers.after_step(statistics, self.moment)

    def _judged(self, figures: Tensor) -> Any:
        """The figures, as numbers on a processor; one that is not finite marks all of them."""
        if not self.waits:
            return figures + 0 * figures.sum()
        numbers = figures.tolist()
        return numbers if all(map(math.isfinite, numbers)) else [math.nan] * len(numbers)

    def tick(self, stop: int = 0) -> int:
        """Read the clock, for all processes alike; the signal that asks any to stop, or 0."""
        progress = self.clock.moment(self.step).progress
        progress, stop = self.processes.agreed(progress, stop, self.device)
        self.moment = Moment(self.step, progress)
        return stop

    def settle(self) -> None:
        """Look at the steps since the last look: were they finite?

        Raises:
            DivergenceError: when the loss leaves the finite numbers again and again.
        """
        for finite in self.meter.settle():
            self.failures = 0 if finite else self.failures + 1
            self.history.skipped += not finite
            if self.failures == FAILURES:
                self._go_back()

    def report(self, examples: Examples, per_epoch: int, rows: float) -> Report:
        """Validate the averaged weights, keep them if they are the best, and write it down."""
        self.settle()
        begun, objective = self.clock.seconds(), self.phases[-1].objective
        with self.whole():  # players are called, and nothing is short
            validation = validate(
                self.average.model,
                objective,
                examples,
                self.device,
                self.settings.seed,
                processes=self.processes,
            )
        moment, seconds = self.moment, self.clock.seconds()
        self.clock.reserve = self.clock.reserve or RESERVE * (seconds - begun)
        best = objective.latest or validation.criterion < self.best_criterion
        if best:
            self.best, self.best_criterion = self._averaged(), validation.criterion
            self.best_progress, self.history.best_step = moment.progress, self.step
        before = self.history.reports[-1].seconds if self.history.reports else 0.0
        report = Report(
            step=self.step,
            epoch=self.step / per_epoch,
            progress=moment.progress,
            seconds=seconds,
            speed=rows / max(1e-9, seconds - before),
            lr=self._lr(),
            train=self._in_own_units(self.meter.read()),
            weights=phase_at(self.phases, moment).objective.weights(moment),
            valid=self._in_own_units(validation.as_dict()),
            criterion=validation.criterion - self.log_jacobian,
            best=best,
        )
        self.history.reports.append(report)
        return report

    def adopt_best(self) -> None:
        """End with the weights that were best on the validation rows."""
        self.model.float().load_state_dict(self.best)
        self.model.eval()

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

    def _lay_out(self, layout: torch.memory_format) -> None:
        for module in (self.model, *self.players):
            module.to(memory_format=layout)  # type: ignore[call-overload]

    def _in_own_units(self, figures: dict[str, float]) -> dict[str, float]:
        return {
            name: value + SIGNS.get(name, 0) * self.log_jacobian for name, value in figures.items()
        }

    def _computed(self, examples: Examples, index: Tensor, phase: Phase, work: Work) -> Result:
        """Losses and gradients; where memory runs out, again with half the rows at once."""
        place = self.processes.place(len(index))
        index = index[place.start : place.stop]
        while True:
            try:
                batch = self._seen(examples.gather(index), phase, place)
                self._restart_noise()
                return work(batch, self.moment, place, self.most, self._restart_noise)
            except RuntimeError as error:
                rows = min(self.most or len(index), len(index))
                if not out_of_memory(error) or rows < 2:
                    raise
                self.most = -(-rows // 2)
                self.history.notes.append(
                    f"At step {self.step} memory ran out: batches are taken {self.most} rows at a "
                    "time from there on, with the same gradients."
                )

    def _seen(self, batch: Batch, phase: Phase, place: Place) -> Batch:
        batch = self._held(batch)
        if phase.view is None:
            return batch
        reseed(self.device, self.settings.seed, self.step, VIEW)
        with placed(place):
            return phase.view(batch)

    def _held(self, batch: Batch) -> Batch:
        return on(batch, self.device, data_type(self.how.precision))

    def _restart_noise(self) -> None:
        reseed(self.device, self.settings.seed, self.step)

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

    def _go_back(self) -> None:
        if self.rollbacks == ROLLBACKS:
            raise DivergenceError(
                f"The loss was not finite at {FAILURES} steps in a row, {ROLLBACKS + 1} times, the "
                f"last at step {self.step}. Try a lower learning rate than {self._highest:g}."
            )
        self.failures, self.rollbacks, self.lr_factor = 0, self.rollbacks + 1, self.lr_factor / 2
        with self.whole():
            self.model.load_state_dict(self.best)
            self.average.model.load_state_dict(self.best)
        for optimiser in self.optimisers:
            optimiser.restart()
        self.history.notes.append(
            f"At step {self.step} the loss had not been finite {FAILURES} times in a row: "
            f"{WENT_BACK} with half the learning rate."
        )

    def _prepare(self) -> None:
        short = self.how.precision == "bf16"
        kernels = self.graphs.moves if self.how.compiled else None
        settings, modules = self.settings, [self.model, *self.players]
        paces = [1.0, *(player.pace for player in self.players)]
        self.followers = Followers(self.model)
        copied = copy.deepcopy(self.model)  # before it holds short copies
        self.optimisers = [
            AdamW(Weights(module, short), self._highest, settings.weight_decay, pace, kernels)
            for module, pace in zip(modules, paces, strict=True)
        ]
        self.average = Average(copied, self.model, self.optimisers[0].weights, settings.ema)
        self.parts: dict[int, tuple[Work, list[AdamW]]] = {}

    def _averaged(self) -> dict[str, Tensor]:
        return copy.deepcopy(self.average.model.state_dict())

    def _lr(self) -> float:
        return self.lr_factor * learning_rate(self._highest, self.moment)

    @property
    def _highest(self) -> float:
        return self.settings.lr or PLAIN.lr
