"""What the process of one job does: train, or go on, and measure."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch

from variata import store
from variata.atomic import write_text
from variata.errors import DivergenceError, VariataError
from variata.tasks.asked import PLAN
from variata.tasks.comparison.bound import bound
from variata.tasks.comparison.figures import plain
from variata.tasks.comparison.job import OUT_OF_MEMORY, RUN, Job, Outcome
from variata.tasks.comparison.measured import measured
from variata.tasks.model import Model, load
from variata.tasks.plan import chosen_device
from variata.tasks.source import options_of
from variata.tasks.train import fit, resume
from variata.training import Callback
from variata.training.memory import out_of_memory

WAYS = {"all": measured, "bound": bound}  # to measure
MEMORY = "memory.json"
STATUS = Path("/proc/self/status")


def main(folder: str) -> int:
    """Do the job in a folder; returns the exit code, and says what went wrong."""
    job = Job.read(Path(folder))
    try:
        model = trained(job)
        found = WAYS[job.measures](model, job)
        found["figures"] |= _memory(job)
        Outcome("done", found=found).write(job)
        return 0
    except VariataError as error:
        return _failed(error, error.exit_code)
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not out_of_memory(error):
            raise
        return _failed(f"Memory ran out: {error}", OUT_OF_MEMORY)


def trained(job: Job) -> Model:
    """The model of a job: trained before, from its checkpoint on, or now."""
    run, watch = job.folder / RUN, [WithParent()]
    device = chosen_device(job.device)
    if store.exists(run):
        model = load(run, device)
        if model.saved.about.get("training", {}).get("ended") == "diverged":
            raise DivergenceError("The loss was not finite again and again.")
        return model
    if (run / PLAN).is_file():
        model = resume(run, watch, str(device), announce=_say)
    else:
        options = options_of({"options": job.options})
        more = job.settings | job.arguments
        model = fit(
            job.data, job.recipe, options=options, device=str(device), out=run, callbacks=watch,
            announce=_say, **more,
        )  # fmt: skip
    if (taken := peak(device)) is not None:
        write_text(job.folder / MEMORY, json.dumps({"memory": plain(taken)}))
    return model


class WithParent(Callback):
    """Ends a training, with its state saved, when the process that asked for it is gone."""

    def __init__(self) -> None:
        self.parent = os.getppid()

    def on_step(self, progress: float, seconds: float) -> None:
        if os.getppid() != self.parent:
            os.kill(os.getpid(), signal.SIGTERM)


def peak(device: torch.device) -> float | None:
    """The most memory so far, in MB: of the accelerator, or of this process; None where unknown."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    if not STATUS.is_file():
        return None
    lines = [line.split() for line in STATUS.read_text().splitlines()]
    return next((int(line[1]) / 1024 for line in lines if line and line[0] == "VmHWM:"), None)


def _memory(job: Job) -> dict[str, Any]:
    """What the training took, where known; another process than this may have done it."""
    path = job.folder / MEMORY
    return json.loads(path.read_text()) if path.is_file() else {}


def _failed(said: object, code: int) -> int:
    print(f"error: {said}", file=sys.stderr)
    return code


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
