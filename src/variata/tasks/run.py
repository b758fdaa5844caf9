"""A run folder while it trains: who trains in it, with what, and how to go on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from variata import store
from variata.atomic import make_folder, write_text
from variata.errors import StoreError
from variata.tasks.lock import Lock
from variata.training import Checkpoint

PLAN, LOCK, STATE = "training.json", "training.lock", "checkpoint"


class Run:
    """A folder that one training owns, from its first step to its saved model.

    Use as a context: the lock is held inside it, and another training in the same folder refused.

    Raises:
        StoreError: when the folder is in use or cannot be written.
    """

    def __init__(self, folder: Path, resume: bool = False) -> None:
        self.folder = folder
        if not resume:
            store.refuse_in_use(folder)
        make_folder(folder)
        self._lock = Lock(folder / LOCK)

    def __enter__(self) -> Run:
        self._lock.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.__exit__()

    @property
    def checkpoint(self) -> Checkpoint:
        """Where the state of the training is kept."""
        return Checkpoint(self.folder / STATE)

    def write_plan(self, plan: dict[str, Any]) -> None:
        """Write down what is needed to go on after an interruption."""
        write_text(self.folder / PLAN, json.dumps(plan, indent=2) + "\n")

    def finish(self) -> None:
        """Drop what only an unfinished training needs."""
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
