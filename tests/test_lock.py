"""Two trainings never share a folder, and a dead one leaves it free."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from variata.errors import StoreError
from variata.tasks.lock import Lock

HOLDER = """
import sys, time
from pathlib import Path
from variata.tasks.lock import Lock
with Lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def holder(path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLDER, str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    process.stdout.close()
    return process


def test_a_second_process_is_refused_by_name_until_the_first_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "training.lock"
    process = holder(path)
    try:
        with pytest.raises(StoreError, match=f"process {process.pid} trains there"), Lock(path):
            pass
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert path.exists()
    with Lock(path):
        assert path.read_text() == str(os.getpid())
    assert not path.exists()


def test_a_lock_within_a_lock_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "training.lock"
    with Lock(path), pytest.raises(StoreError, match="in use"), Lock(path):
        pass
    with Lock(path):
        pass


def test_where_no_file_can_be_locked_training_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", none)
    with Lock(tmp_path / "lock"):
        assert (tmp_path / "lock").is_file()


def test_a_folder_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="Cannot write"), Lock(tmp_path / "none" / "training.lock"):
        pass
