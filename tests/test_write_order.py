"""Power may fail between any two writes: what is on disk then can be loaded or gone on with."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from variata import atomic, fit, load, store
from variata.tasks import run
from variata.tasks.asked import PLAN, read_asked
from variata.training import Checkpoint


@dataclass
class File:
    """What was written, as far as it was flushed."""

    content: bytes = b""


@dataclass
class Disk:
    """A folder as an unkind file system keeps it: names only once their folder was flushed.

    Attributes:
        live: files by name, as programs see them. kept: as they are after power has failed.
        states: both, after every operation.
    """

    root: Path
    live: dict[Path, File] = field(default_factory=dict)
    kept: dict[Path, File] = field(default_factory=dict)
    states: list[list[dict[Path, bytes]]] = field(default_factory=list)

    def flushed(self, path: Path) -> None:
        if path.is_dir():
            self.kept = {p: f for p, f in self.kept.items() if p.parent != path}
            self.kept |= {p: f for p, f in self.live.items() if p.parent == path}
        else:
            self.live.setdefault(path, File()).content = path.read_bytes()
        self._remember()

    def renamed(self, old: Path, new: Path) -> None:
        self.live[new] = self.live.pop(old, File())
        self._remember()

    def removed(self, path: Path) -> None:
        if self.live.pop(path, None) is not None:
            self._remember()

    def _remember(self) -> None:
        """Either nothing that was not flushed has reached the disk, or all of it has."""
        self.states.append([{p: f.content for p, f in n.items()} for n in (self.kept, self.live)])


def watched(disk: Disk, patch: pytest.MonkeyPatch) -> None:
    """Let a disk know of what is done to files in its folder."""

    def before(place: Any, name: str, tell: Callable[..., None]) -> None:
        function = getattr(place, name)

        def called(path: Path, *arguments: Any, **more: Any) -> Any:
            inside = disk.root in (path, *path.parents)
            if inside and name == "_sync":
                tell(path)
            result = function(path, *arguments, **more)
            if inside and name != "_sync":
                tell(path, *arguments)
            return result

        patch.setattr(place, name, called)

    def all_removed(path: Path, *_: Any) -> None:
        for file in [file for file in disk.live if path in file.parents]:
            disk.removed(file)

    before(atomic, "_sync", disk.flushed)
    before(Path, "replace", disk.renamed)
    before(Path, "unlink", disk.removed)
    before(run.shutil, "rmtree", all_removed)


def written(state: dict[Path, bytes], disk: Disk, folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for path, content in state.items():
        target = folder / path.relative_to(disk.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return folder


def test_what_is_on_disk_when_power_fails_is_a_model_or_can_go_on(
    table_csv: Path, tmp_path: Path
) -> None:
    disk = Disk(tmp_path / "run")
    with pytest.MonkeyPatch.context() as patch:
        watched(disk, patch)
        settings: dict[str, Any] = {"epochs": 1, "batch_size": 64, "threads": 1}
        fit(table_csv, latent=2, hidden=(8,), out=disk.root, save_every=1e-9, **settings)
    assert len(disk.states) > 50
    steps, finished = [[-1], [-1]], [False, False]
    for both in disk.states:
        for i, state in enumerate(both):
            folder = written(state, disk, tmp_path / "after")
            if store.exists(folder):
                load(folder)
                finished[i] = True
                continue
            assert not finished[i]
            if (folder / PLAN).exists():
                read_asked(folder)
                found = Checkpoint(folder / "checkpoint").load()
                steps[i].append(-1 if found is None else found.numbers["step"])
            else:
                assert steps[i] == [-1]
    assert finished == [True, True]
    for reached in steps:
        assert reached[-1] == 5
        assert all(later >= before - 1 for before, later in pairwise(reached))
