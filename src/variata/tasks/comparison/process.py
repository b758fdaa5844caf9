"""Jobs in processes of their own, whose death leaves the others alone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Generator, Hashable, Mapping
from typing import TypeVar

from variata.tasks.comparison.job import LOG, Job, Outcome, status_of

CHILD = (sys.executable, "-m", "variata.tasks.comparison.child")
LAST = 300  # letters of an error that are kept
BEGIN = "---\n"  # in the log, before what each process says
LOOK = 0.05  # seconds between looks at processes

K = TypeVar("K", bound=Hashable)
Process = subprocess.Popen[bytes]


def outcome_of(job: Job) -> Outcome:
    """What comes of one job, as in `outcomes_of`."""
    return next(outcomes_of({0: job}))[1]


def outcomes_of(
    jobs: Mapping[K, Job], at_once: int = 1
) -> Generator[tuple[K, Outcome], None, None]:
    """Do jobs in their order, so many at a time, and yield what comes of each as it ends.

    What is known from before is not done again; what was begun goes on where it ended. All is done
    in the caller's thread, where signals arrive: whatever ends this ends all processes.

    Raises:
        StoreError: when a folder holds another job, or cannot be written.
    """
    left, running = list(jobs.items())[::-1], dict[K, Process]()
    try:
        while left or running:
            if left and len(running) < at_once:
                key, job = left.pop()
                known = _known(job)
                if known is None:
                    running[key] = _started(job)
                else:
                    yield key, known
            elif ended := [key for key, child in running.items() if child.poll() is not None]:
                for key in ended:
                    yield key, _outcome(jobs[key], running.pop(key).returncode)
            else:
                time.sleep(LOOK)
    finally:
        for child in running.values():
            child.terminate()  # it saves where it is
        for child in running.values():
            child.wait()


def _known(job: Job) -> Outcome | None:
    job.write()
    return Outcome.known(job)


def _started(job: Job) -> Process:
    with (job.folder / LOG).open("ab") as log:
        log.write(BEGIN.encode())
        log.flush()
        return subprocess.Popen(
            [*CHILD, str(job.folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | _threads(job),
            start_new_session=True,  # so that Ctrl-C reaches it once, from here
        )


def _threads(job: Job) -> dict[str, str]:
    """A job's share of the machine is that of its measures too, not of its training alone."""
    threads = job.settings.get("threads")
    return {} if threads is None else {"OMP_NUM_THREADS": str(threads)}


def _outcome(job: Job, code: int) -> Outcome:
    if code == 0 and (made := Outcome.known(job)) is not None:
        return made
    outcome = Outcome(status_of(code) if code else "failed", _last_words(job))
    outcome.write(job)
    return outcome


def _last_words(job: Job) -> str:
    """The last error of the last process; what a traceback ends with, where there is no other."""
    said = (job.folder / LOG).read_text(errors="replace").rpartition(BEGIN)[2]
    lines = said.strip().splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    if not errors and "Traceback (most recent call last):" in lines:
        errors = lines
    return errors[-1].removeprefix("error: ")[:LAST] if errors else ""
