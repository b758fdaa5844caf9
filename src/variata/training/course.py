"""The course of one training: step after step, with reports and states when they are due."""

from __future__ import annotations

from variata.errors import StoreError
from variata.training.callbacks import Callbacks
from variata.training.checkpoint import Checkpoint
from variata.training.loop import Loop
from variata.training.resident import place_of
from variata.training.sampler import batches, steps_per_epoch
from variata.training.signals import Stopped, StopRequest
from variata.training.state import state_of
from variata.training.validation import Examples

VALIDATIONS = 40  # at most so many in one training
CLOSEST = 50  # steps between validations, at least, unless an epoch has fewer
APART = 20_000  # rows learnt from between validations, at least, unless an epoch has fewer
PATIENT_UNTIL = 0.3  # share of training before early stopping may happen
WORSE = 3  # reports in a row without a better one, at least: few of them differ by chance


class _BrokenOffError(Exception):
    """A signal came before anything of a report was kept."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Course:
    """Takes a training to its end.

    A signal ends it after the step at hand. One that comes while a report is made breaks that off
    where the state can be kept: whoever takes it up begins with the report.
    """

    def __init__(
        self,
        loop: Loop,
        train: Examples,
        valid: Examples,
        callbacks: Callbacks,
        checkpoint: Checkpoint | None,
        stop: StopRequest,
    ) -> None:
        self.loop, self.train, self.valid, self.callbacks = loop, train, valid, callbacks
        self.checkpoint, self.stop = checkpoint, stop
        size = loop.settings.batch_size or 1
        self.per_epoch = steps_per_epoch(len(train), size)
        self.closest = min(self.per_epoch, max(CLOSEST, APART // size))
        place = {"start": loop.step, "device": place_of(train)}
        self.order = batches(len(train), size, loop.settings.seed, **place)
        self.saved = loop.clock.seconds()
        past = loop.history.reports[-1:]
        self.reported, self.last = (past[0].step, past[0].progress) if past else (0, 0.0)

    def run(self) -> None:
        """Train to the end, or to a signal."""
        loop = self.loop
        ended = "" if loop.history.ended == "interrupted" else loop.history.ended
        loop.history.signal = None
        if loop.step and not ended:  # the state is on disk, maybe with a report to be made
            self._wait()
            ended = self._look()
        while not ended:
            ended = self._step()
        loop.history.step = loop.step
        self.callbacks.on_end(loop.history)

    def _step(self) -> str:
        """One step, and what comes after it; why training ends here, if it does."""
        loop = self.loop
        try:
            loop.advance(self.train, next(self.order))
        except Stopped as stopped:
            if not self.stop.saves:  # there is nothing to save yet
                raise
            loop.history.signal = stopped.number
            return self._kept("interrupted")
        self._wait()  # until here there was nothing to save
        self.callbacks.on_step(loop.clock.moment(loop.step).progress, loop.clock.seconds())
        loop.history.signal = loop.tick(self.stop.number or 0) or None
        return self._look()

    def _wait(self) -> None:
        """From here on signals wait until the state can be saved."""
        self.stop.wait()
        self.stop.saves = self.checkpoint is not None and self.loop.processes.count == 1

    def _look(self) -> str:
        """Report and save where that is due; why training ends here, if it does."""
        loop, ended = self.loop, self._reason()
        later = ended == "interrupted" and self.checkpoint is not None
        if not later and (ended or self._due()):
            try:
                ended = self._reported(ended)
            except _BrokenOffError as broken:
                ended, loop.history.signal = "interrupted", broken.number
        return self._kept(ended)

    def _kept(self, ended: str) -> str:
        """Write down whether training has ended, and save the state where that is due."""
        loop = self.loop
        loop.history.ended = ended
        due = loop.clock.seconds() - self.saved > loop.settings.save_every
        if self.checkpoint is not None and loop.processes.first and (ended or due):
            save(loop, self.checkpoint, ended)
            self.saved = loop.clock.seconds()
        return ended

    def _due(self) -> bool:
        apart = self.loop.step - self.reported >= self.closest
        return apart and self.loop.moment.progress - self.last >= 1 / VALIDATIONS

    def _reported(self, ended: str) -> str:
        """Report; why training ends then, if it does."""
        loop = self.loop
        rows = (loop.step - self.reported) * len(self.train) / self.per_epoch
        report = loop.report(self.valid, self.per_epoch, rows, self._break_off)
        self.callbacks.on_report(report)
        self.reported, self.last = loop.step, loop.moment.progress
        impatient = ended in ("", "interrupted") and _impatient(loop, report.progress)
        return "stopped early" if impatient else ended

    def _break_off(self) -> None:
        """Raise `_BrokenOffError` for a signal whose report can be made when the state is taken up.

        Several processes finish it, since they wait for each other in it.
        """
        if self.stop.saves and self.stop.number is not None:
            raise _BrokenOffError(self.stop.number)

    def _reason(self) -> str:
        loop = self.loop
        if loop.moment.progress < 1:
            return "interrupted" if loop.history.signal is not None else ""
        by_steps = loop.step == loop.clock.steps and not loop.clock.timed
        return "finished" if by_steps else "budget"


def save(loop: Loop, checkpoint: Checkpoint, ended: str) -> None:
    """Keep the state; a full disk is no reason to lose a training that goes on.

    Raises:
        StoreError: when the training was interrupted, so that it cannot go on later.
    """
    try:
        checkpoint.save(state_of(loop))
    except (StoreError, OSError) as error:
        if ended == "interrupted":
            raise
        note = f"A checkpoint could not be saved, training went on without: {error}"
        if note not in loop.history.notes:
            loop.history.notes.append(note)


def _impatient(loop: Loop, progress: float) -> bool:
    waited = progress - loop.best_progress
    worse = sum(report.step > loop.history.best_step for report in loop.history.reports)
    return progress > PATIENT_UNTIL and waited >= loop.settings.patience and worse >= WORSE
