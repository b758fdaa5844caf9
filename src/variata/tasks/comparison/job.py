"""One training that is measured in a process of its own: what is asked, and what came of it."""

from __future__ import annotations

import json
import signal
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from variata.atomic import make_folder, write_text
from variata.errors import DivergenceError, StoreError
from variata.tasks.asked import differences

ASKED, OUTCOME, LOG, RUN, FEATURES = (
    "job.json",
    "outcome.json",
    "log.txt",
    "run",
    "features.safetensors",
)
ESTIMATED = 250  # rows whose likelihood is estimated, by hundreds of passes each
OUT_OF_MEMORY = 6  # an exit code, as the command line's
CODES = {
    0: "done",
    2: "refused",
    3: "refused",
    DivergenceError.exit_code: "diverged",
    OUT_OF_MEMORY: "out of memory",
}
LASTING = ("done", "diverged")  # would come out the same again


@dataclass(frozen=True)
class Job:
    """What to train and to measure.

    Attributes:
        folder: of this job alone, two below the folder of the whole.
        data: name or path. fingerprint: of what is in it.
        options: how to read and divide it.
        recipe, arguments: of the model.
        settings: of the training, among them its seed, and its budget or epochs.
        device: where.
        measures: "all", or "bound" for rate and distortion of validation rows alone.
        rows: of the test that figures are taken on, and samples, at most.
        k: draws of the bound of the likelihood.
        jobs: how many are done at a time, on which figures of time depend.
    """

    folder: Path
    data: str
    fingerprint: str
    options: dict[str, Any]
    recipe: str
    arguments: dict[str, Any]
    settings: dict[str, Any]
    device: str = "auto"
    measures: str = "all"
    rows: int = 2_000
    k: int = 32
    jobs: int = 1

    def write(self) -> None:
        """Write down what is asked, for the process that does it.

        Raises:
            StoreError: when the folder holds another job, or cannot be written.
        """
        asked = asdict(self)
        asked.pop("folder")
        asked = json.loads(json.dumps(asked))
        path = self.folder / ASKED
        if path.is_file() and (found := list(differences({"jobs": 1} | _read(path), asked))):
            raise StoreError(
                f"{self.folder} holds another training ({', '.join(found[:3])}): name another "
                "folder with --out, or ask the same."
            )
        make_folder(self.folder)
        write_text(path, json.dumps(asked, indent=2) + "\n")

    @classmethod
    def read(cls, folder: Path) -> Job:
        """The job that was written into a folder.

        Raises:
            StoreError: there is none.
        """
        asked = _read(folder / ASKED)
        if {*asked} != {f.name for f in fields(cls)} - {"folder"}:
            raise StoreError(f"{folder / ASKED} is damaged: remove {folder} and start again.")
        return cls(folder, **asked)

    @property
    def features(self) -> Path:
        """The file of the features that all jobs share."""
        return self.folder.parents[1] / FEATURES


@dataclass(frozen=True)
class Outcome:
    """What came of a job.

    Attributes:
        status: "done", "refused" (until what is missing is there), "diverged", "out of memory",
            "killed by SIGKILL", "stopped by SIGTERM", "failed".
        reason: one sentence, where it is not done.
        found: what was measured.
    """

    status: str
    reason: str = ""
    found: dict[str, Any] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        """Whether there are figures."""
        return self.status == "done"

    @property
    def failure(self) -> str:
        """Why there are no figures, in a line."""
        return ": ".join(part for part in (self.status, self.reason) if part)

    @classmethod
    def known(cls, job: Job) -> Outcome | None:
        """What is known from before and would come out the same again.

        Raises:
            StoreError: what is kept is no outcome.
        """
        path = job.folder / OUTCOME
        if not path.is_file():
            return None
        record = _read(path)
        if {*record} != {f.name for f in fields(cls)} or not isinstance(record["found"], dict):
            raise StoreError(f"{path} is damaged: remove {job.folder} and start again.")
        outcome = cls(**record)
        return outcome if outcome.status in LASTING else None

    def write(self, job: Job) -> None:
        """Keep it beside what was asked."""
        write_text(job.folder / OUTCOME, json.dumps(asdict(self), indent=2) + "\n")


def status_of(code: int) -> str:
    """What the exit code of a process says.

    >>> status_of(0), status_of(-9), status_of(143)
    ('done', 'killed by SIGKILL', 'stopped by SIGTERM')
    """
    if code < 0 or code > 128:
        way, number = ("killed", -code) if code < 0 else ("stopped", code - 128)
        known = {s.value: s.name for s in signal.Signals}
        return f"{way} by {known.get(number, f'signal {number}')}"
    return CODES.get(code, "failed")


def _read(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text())
        if isinstance(record, dict):
            return record
    except (OSError, ValueError, RecursionError):
        pass
    raise StoreError(f"{path} cannot be read: remove {path.parent} and start again.")
