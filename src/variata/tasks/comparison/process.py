"""A job in a process of its own, whose death leaves the others alone."""

from __future__ import annotations

import subprocess
import sys

from variata.tasks.comparison.job import LOG, Job, Outcome, status_of

CHILD = (sys.executable, "-m", "variata.tasks.comparison.child")
LAST = 300  # letters of an error that are kept


def outcome_of(job: Job) -> Outcome:
    """What comes of a job: as known from before, or by doing it now, going on where it ended.

    Raises:
        StoreError: when its folder holds another job, or cannot be written.
    """
    job.write()
    known = Outcome.known(job)
    if known is not None:
        return known
    code = _run(job)
    if code == 0 and (made := Outcome.known(job)) is not None:
        return made
    outcome = Outcome(status_of(code) if code else "failed", _last_words(job))
    outcome.write(job)
    return outcome


def _run(job: Job) -> int:
    """The exit code of the process; it ends where this one is told to."""
    with (job.folder / LOG).open("ab") as log:
        child = subprocess.Popen(
            [*CHILD, str(job.folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that Ctrl-C reaches it once, from here
        )
        try:
            return child.wait()
        except BaseException:
            child.terminate()  # it saves where it is
            child.wait()
            raise


def _last_words(job: Job) -> str:
    lines = (job.folder / LOG).read_text(errors="replace").strip().splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    said = (errors or lines or [""])[-1]
    return said.removeprefix("error: ")[:LAST]
