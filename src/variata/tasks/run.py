"""A run folder while it trains: who trains in it, with what, and how to go on."""

from __future__ import annotations

import json
import shutil
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from variata import store
from variata.atomic import make_folder, write_text
from variata.errors import StoreError
from variata.store import Saved
from variata.tasks.lock import Lock
from variata.training import Checkpoint

PLAN, LOCK, STATE = "training.json", "training.lock", "checkpoint"


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
        self.folder, self.writes = folder, writes
        self._lock = Lock(folder / LOCK) if writes else nullcontext()
        if writes and not resume:
            store.refuse_in_use(folder)
        if writes:
            make_folder(folder)

    def __enter__(self) -> Run:
        self._lock.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.__exit__(None, None, None)

    @property
    def checkpoint(self) -> Checkpoint:
        """Where the state of the training is kept."""
        return Checkpoint(self.folder / STATE)

    def write_plan(self, plan: dict[str, Any]) -> None:
        """Write down what is needed to go on after an interruption."""
        if self.writes:
            write_text(self.folder / PLAN, json.dumps(plan, indent=2) + "\n")

    def finish(self, saved: Saved) -> None:
        """Save the trained model, and drop what only an unfinished training needs."""
        if not self.writes:
            return
        store.save(saved, self.folder)
        shutil.rmtree(self.folder / STATE, ignore_errors=True)
        (self.folder / PLAN).unlink(missing_ok=True)

    @staticmethod
    def read_plan(folder: Path) -> dict[str, Any]:
        """What an interrupted training was asked to do.

        Raises:
            StoreError: when the folder holds none, or it has finished already.
        """
        path = folder / PLAN
        if not path.is_file():
            done = store.exists(folder)
            why = "its training has finished" if done else "it holds no interrupted training"
            raise StoreError(f"{folder} cannot be resumed: {why}.")
        try:
            plan = json.loads(path.read_text())
            return {"data": dict(plan["data"]), **plan}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{path} is damaged: {error}.") from error
