"""Raw figures of single runs, kept as they come, so that an interrupted benchmark goes on."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common import RESULTS, commit, described, processor

Run = dict[str, Any]


class EnoughError(Exception):
    """As many runs as were asked for have been made."""


@dataclass
class Runs:
    """The runs of one benchmark, in `results/NAME.json`.

    Attributes:
        most: new runs to make at most; None for no limit.
        fresh: whether what was kept is forgotten.
    """

    name: str
    most: int | None = None
    fresh: bool = False
    kept: list[Run] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.path: Path = RESULTS / f"{self.name}.json"
        if self.path.exists() and not self.fresh:
            self.kept = json.loads(self.path.read_text()).get("runs", [])

    def get(self, make: Callable[[], Run], *, ages: bool = True, **which: Any) -> Run:
        """The figures of a run, from the file or made now.

        Args:
            make: the run.
            ages: whether it must be made again once the code of variata has changed.
            which: what tells it from the others.
        """
        which |= {"machine": processor()} | ({"code": code()} if ages else {})
        for run in self.kept:
            if which.items() <= run.items():
                return run
        if self.most == 0:
            raise EnoughError
        self.most = None if self.most is None else self.most - 1
        run = which | {"commit": commit()} | make()
        self.kept.append(run)
        self.write([])
        print(json.dumps(run), flush=True)
        return run

    def take(self, files: Sequence[Path]) -> None:
        """Add the runs that are kept in other files of results, and not here yet."""
        for file in files:
            found = json.loads(file.read_text())["runs"]
            self.kept += [run for run in found if run not in self.kept]

    def write(self, rows: list[Run], settings: dict[str, Any] | None = None) -> Path:
        """Write rows made of the runs, and the runs."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        record = described(rows, settings or {}) | {"runs": self.kept}
        self.path.write_text(json.dumps(record, indent=1) + "\n")
        return self.path


def code() -> str:
    """The commit that variata's sources were last changed by."""
    source = Path(__file__).resolve().parents[1] / "src"
    log = ["git", "-C", str(source), "log", "-1", "--format=%h", "--", "."]
    return subprocess.run(log, capture_output=True, text=True, check=False).stdout.strip()
