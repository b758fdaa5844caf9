"""A checkpoint survives a death or a full disk at any instant of its being written."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from variata import atomic
from variata.errors import StoreError
from variata.store.history import read_history
from variata.tasks import history_file
from variata.tasks.history_file import HistoryFile
from variata.training import Checkpoint, Report
from variata.training.checkpoint import State

CALLS = ("mkstemp", "fsync", "replace")


class Death(BaseException):
    """Stands for a death that no handler of errors catches."""


class Faulty:
    """Lets so many calls of the save path through, then fails at the next."""

    def __init__(self, allowed: int, error: Callable[[], BaseException]) -> None:
        self.left, self.error, self.failed = allowed, error, False

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            if self.left == 0:
                self.failed = True
                raise self.error()
            self.left -= 1
            return function(*arguments, **more)

        return call


def state(step: int) -> State:
    return State({"w": torch.full((50,), float(step))}, {"step": step})


def no_space() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def save_with_fault(
    folder: Path, faulty: Faulty, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(atomic.tempfile, "mkstemp", faulty.around(atomic.tempfile.mkstemp))
        patch.setattr(atomic.os, "fsync", faulty.around(os.fsync))
        patch.setattr(Path, "replace", faulty.around(Path.replace))
        try:
            Checkpoint(folder).save(state(3))
        except error:
            assert faulty.failed


@pytest.mark.parametrize(
    ("make", "caught"), [(Death, Death), (no_space, StoreError)], ids=["death", "full disk"]
)
def test_the_newest_whole_state_is_loaded_whatever_call_fails(
    make: Callable[[], BaseException],
    caught: type[BaseException],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    points = 0
    while True:
        folder = tmp_path / str(points)
        checkpoint = Checkpoint(folder)
        checkpoint.save(state(1))
        checkpoint.save(state(2))
        faulty = Faulty(points, make)
        save_with_fault(folder, faulty, monkeypatch, caught)
        loaded = Checkpoint(folder).load()
        assert loaded is not None
        step = loaded.numbers["step"]
        assert step in ({2, 3} if faulty.failed else {3})
        assert torch.equal(loaded.tensors["w"], state(step).tensors["w"])
        checkpoint.save(state(4))  # and the folder is as good as before
        again = checkpoint.load()
        assert again is not None
        assert again.numbers["step"] == 4
        if not faulty.failed:
            break
        points += 1
    assert points >= 6  # two files, each with its three calls


@pytest.mark.parametrize("damage", ["truncate", "flip", "extend", "empty"])
@pytest.mark.parametrize("suffix", [".safetensors", ".json"])
def test_a_damaged_newer_state_gives_way_to_the_older(
    tmp_path: Path, suffix: str, damage: str
) -> None:
    checkpoint = Checkpoint(tmp_path)
    checkpoint.save(state(1))
    checkpoint.save(state(2))
    newest = max(tmp_path.glob(f"*{suffix}"), key=lambda path: path.stat().st_mtime_ns)
    content = newest.read_bytes()
    middle = len(content) // 2
    newest.write_bytes(
        {
            "truncate": content[:middle],
            "flip": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
            "extend": content + b"x",
            "empty": b"",
        }[damage]
    )
    loaded = checkpoint.load()
    assert loaded is not None
    assert loaded.numbers["step"] == 1


def test_states_of_another_run_are_refused(tmp_path: Path) -> None:
    """They may fit in shape, and would end with the other's weights under this one's name."""
    Checkpoint(tmp_path, "a").save(state(3))
    assert Checkpoint(tmp_path, "a").load() is not None
    with pytest.raises(StoreError, match="is that of another run"):
        Checkpoint(tmp_path, "b").load()


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EACCES])
def test_folders_that_cannot_be_synced_hold_files_all_the_same(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = atomic._sync

    def unable(path: Path) -> None:
        if path.is_dir():
            raise OSError(number, "no")
        sync(path)

    monkeypatch.setattr(atomic, "_sync", unable)
    atomic.write_text(tmp_path / "a", "b")
    assert (tmp_path / "a").read_text() == "b"
    monkeypatch.setattr(atomic, "_sync", lambda path: unable(path) or no_space_at(path))
    with pytest.raises(StoreError, match="Make room"):
        atomic.write_text(tmp_path / "c", "d")


def no_space_at(path: Path) -> None:
    raise no_space()


def test_a_history_that_could_not_be_written_is_written_with_the_next_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StoreError("full")

    watch = HistoryFile(tmp_path / "history.jsonl", -1)
    with monkeypatch.context() as patch:
        patch.setattr(history_file, "write_history", full)
        watch.on_report(report_at(1))
    watch.on_report(report_at(2))
    watch.on_report(report_at(2))  # made again by a run that was killed after it
    assert [r["step"] for r in read_history(tmp_path / "history.jsonl")] == [1, 2]


def report_at(step: int) -> Report:
    return Report(step, 1.0, 0.5, 2.0, 10.0, 1e-3, {}, {}, {}, 0.0, True)
