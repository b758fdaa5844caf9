"""A run folder while it trains: who trains in it, with what, and how to go on."""

from __future__ import annotations

import shutil
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from variata import store
from variata.atomic import make_folder, sweep, sync_folder
from variata.store import Saved
from variata.tasks.asked import PLAN, read_asked, write_asked
from variata.tasks.interrupt import before_a_step
from variata.tasks.lock import LOCK, Lock
from variata.training import Checkpoint
from variata.training.signals import Stopped

STATE = "checkpoint"


class Run:
    """A folder that one training owns, from its first step to its saved model.

    Use as a context: the lock is held inside it, and another training in the same folder refused.

    Args:
        folder: new or empty.
        resume: go on in a folder that is neither.
        writes: False in all but the first of several processes, which only read.

    Raises:
        StoreError: when the folder is in use or cannot be written.
    """

    def __init__(self, folder: Path, resume: bool = False, writes: bool = True) -> None:
        self.folder, self.writes, self.owner = folder, writes, ""
        self._lock = Lock(folder / LOCK) if writes else nullcontext()
        if writes and not resume:
            store.refuse_in_use(folder)
        if writes:
            make_folder(folder)

    def __enter__(self) -> Run:
        self._lock.__enter__()
        if self.writes:  # or a file that the first process is writing would be swept away
            sweep(self.folder)
            sweep(self.folder / STATE)
        return self

    def __exit__(self, kind: object, error: object, *_: object) -> None:
        self._lock.__exit__(None, None, None)
        if isinstance(error, Stopped) and (self.folder / PLAN).is_file():
            raise before_a_step(error.number, self.folder) from None

    @property
    def checkpoint(self) -> Checkpoint:
        """Where the state of the training is kept."""
        return Checkpoint(self.folder / STATE, self.owner)

    def write_plan(self, plan: dict[str, Any]) -> None:
        """Write down what is needed to go on after an interruption."""
        self.owner = plan["id"]
        if self.writes:
            write_asked(self.folder, plan)

    def read_plan(self) -> dict[str, Any]:
        """What was asked of the training that goes on; see `read_asked`."""
        plan = read_asked(self.folder)
        self.owner = plan["id"]
        return plan

    def finish(self, saved: Saved) -> None:
        """Save the trained model, and drop what only an unfinished training needs."""
        if not self.writes:
            return
        store.save(saved, self.folder)
        (self.folder / PLAN).unlink(missing_ok=True)  # first: without it the run counts as finished
        sync_folder(self.folder)
        shutil.rmtree(self.folder / STATE, ignore_errors=True)
