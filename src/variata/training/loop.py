"""The state of one training, and what happens to it at a report and at a failure."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from variata.errors import DivergenceError
from variata.models import LatentModel
from variata.schedules import Moment
from variata.training.clock import Clock
from variata.training.graph import NotCompiledError
from variata.training.habits import PLAIN
from variata.training.history import History, Report
from variata.training.machine import EAGER, How
from variata.training.meter import Meter
from variata.training.optimiser import learning_rate
from variata.training.phase import Phase, phase_at
from variata.training.processes import ALONE, Processes
from variata.training.settings import Settings
from variata.training.stepper import Graphs, Stepper
from variata.training.validation import Examples, validate

FAILURES = 5  # steps in a row that are not finite before the weights are put back
ROLLBACKS = 3
LOOK_EVERY = 10  # steps between looks at their figures;
LOOK_THERE_EVERY = 50  # on an accelerator, which has to be waited for
SIGNS = {"elbo": 1, "distortion": -1, "bound": -1}  # of a log density in a figure
RESERVE = 1.5  # times the first validation's duration: what a budget keeps for the last one


class Loop:
    """One training: its steps, its reports, and the best weights so far.

    In a trial, a step that cannot be compiled is an error.
    """

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
        trial: bool = False,
    ) -> None:
        self.trial = trial
        self.log_jacobian, self.how, self.processes = log_jacobian, how, processes
        self.look_every = LOOK_EVERY if device.type == "cpu" else LOOK_THERE_EVERY
        self.model, self.phases, self.settings = model, phases, settings
        self.clock, self.device = clock, device
        self.step, self.failures, self.rollbacks, self.lr_factor = 0, 0, 0, 1.0
        self.meter, self.history = Meter(), History()
        more = (how, processes, graphs, self._note)
        self.stepper = Stepper(model, phases, settings, device, *more)
        self.moment = clock.moment(0)
        self.best = self._averaged()
        self.best_criterion, self.best_progress = math.inf, 0.0

    def advance(self, examples: Examples, index: Tensor) -> None:
        """Take one step on the rows at `index`.

        Raises:
            DivergenceError: when the loss leaves the finite numbers again and again.
        """
        self.meter.add(*self._taken(examples, index))
        self.step += 1
        if self.step % self.look_every == 0:
            self.settle()

    def _taken(self, examples: Examples, index: Tensor) -> tuple[list[str], Any]:
        """One step's figures; where it cannot be compiled, it runs as it is from there on."""
        try:
            return self.stepper.take(examples, index, self.moment, self._lr())
        except NotCompiledError as error:
            if self.trial:
                raise
            self.how = self.stepper.run_eagerly()
            self.history.how = self.how.as_dict()
            self._note(f"From step {self.step} on, steps are not compiled: {error}.")
            return self.stepper.take(examples, index, self.moment, self._lr())

    def tick(self, stop: int = 0) -> int:
        """Read the clock, for all processes alike; the signal that asks any to stop, or 0."""
        self.moment = self.clock.moment(self.step)
        if self.processes.count > 1:
            told = self.processes.agreed(self.moment.progress, stop, self.device)
            self.moment, stop = Moment(self.step, told[0]), told[1]
        return stop

    def settle(self) -> None:
        """Look at the steps since the last look: were they finite?

        Raises:
            DivergenceError: when the loss leaves the finite numbers again and again.
        """
        steps = self.meter.settle()
        for i, finite in enumerate(steps):
            self.failures = 0 if finite else self.failures + 1
            self.history.skipped += not finite
            if self.failures == FAILURES:
                self.history.skipped += len(steps) - i - 1  # taken before, and undone with it
                self._go_back()
                return

    def report(
        self, examples: Examples, per_epoch: int, rows: float, look: Callable[[], None]
    ) -> Report:
        """Validate the averaged weights, keep them if they are the best, and write it down.

        `look` is called now and then while validating; where it raises, nothing was done.
        """
        self.settle()
        begun, objective = self.clock.seconds(), self.phases[-1].objective
        with self.stepper.whole():  # players are called, and nothing is short
            validation = validate(
                self.stepper.average.model,
                objective,
                examples,
                self.device,
                self.settings.seed,
                processes=self.processes,
                look=look,
                most=self.stepper.most or None,
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

    def close(self) -> None:
        """Give the model and its players their weights back, however training has ended."""
        self.stepper.close()

    def _in_own_units(self, figures: dict[str, float]) -> dict[str, float]:
        return {
            name: value + SIGNS.get(name, 0) * self.log_jacobian for name, value in figures.items()
        }

    def _note(self, said: str) -> None:
        self.history.notes.append(said)

    def _go_back(self) -> None:
        if self.rollbacks == ROLLBACKS:
            raise DivergenceError(
                f"The loss was not finite at {FAILURES} steps in a row, {ROLLBACKS + 1} times, the "
                f"last at step {self.step}. Try a lower learning rate than {self._highest:g}."
            )
        self.failures, self.rollbacks, self.lr_factor = 0, self.rollbacks + 1, self.lr_factor / 2
        self.history.rollbacks = self.rollbacks
        with self.stepper.whole():
            self.model.load_state_dict(self.best)
            self.stepper.average.model.load_state_dict(self.best)
        for optimiser in self.stepper.optimisers:
            optimiser.restart()
        self._note(
            f"At step {self.step} the loss had not been finite {FAILURES} times in a row: "
            "went back to the best weights with half the learning rate."
        )

    def _averaged(self) -> dict[str, Tensor]:
        return copy.deepcopy(self.stepper.average.model.state_dict())

    def _lr(self) -> float:
        return self.lr_factor * learning_rate(self._highest, self.moment)

    @property
    def _highest(self) -> float:
        return self.settings.lr or PLAIN.lr
