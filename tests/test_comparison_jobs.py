"""`compare --jobs`: several trainings at a time, in processes that share the machine."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch

from variata.cli.app import run
from variata.errors import InterruptError, StoreError
from variata.tasks.comparison import process
from variata.tasks.comparison.compare import Comparison, compare
from variata.tasks.comparison.contenders import Contender
from variata.tasks.comparison.job import ASKED, LOG, OUTCOME, Job
from variata.tasks.comparison.page import write_page
from variata.tasks.comparison.process import outcomes_of
from variata.tasks.comparison.start import common, make_features
from variata.tasks.lock import LOCK
from variata.tasks.samples import features_for
from variata.tasks.source import DataOptions, prepare_data
from variata.training import Checkpoint

VAE = "vae:latent=2:hidden=8:save_every=0.1"
ASKED_FOR: dict[str, Any] = {"epochs": 2, "seeds": (0, 1), "rows": 100, "k": 2}
COSTS = ("seconds", "ms_per_sample", "memory")  # differ from one training to the next


def job(folder: Path, name: str = "a", **more: Any) -> Job:
    settings = {"seed": 0} | more.pop("settings", {})
    return Job(folder / name / "seed-0", "digits", "", {}, "vae", {}, settings, "cpu", **more)


def does(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process of a job do this instead, in its folder `here` of the name `name`."""
    head = "import os, pathlib, sys, time; here = pathlib.Path(sys.argv[1]); name = here.parts[-2]"
    monkeypatch.setattr(process, "CHILD", (sys.executable, "-c", f"{head}\n{code}"))


WAIT_FOR_OTHERS = """
there = here.parents[1]
(there / f"{name}.begun").touch()
while len(list(there.glob("*.begun"))) < 2:
    time.sleep(0.01)
assert len(list(there.glob("*.begun"))) - len(list(there.glob("*.over"))) <= 2
(there / f"{name}.over").touch()
raise SystemExit(4)
"""


def test_as_many_as_asked_train_at_the_same_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    does(WAIT_FOR_OTHERS, monkeypatch)
    jobs = {name: job(tmp_path, name) for name in "abcde"}
    found = dict(outcomes_of(jobs, 2))
    assert {*found} == {*jobs}
    assert {outcome.status for outcome in found.values()} == {"diverged"}
    assert [*outcomes_of(jobs, 2)] == [*zip(jobs, found.values(), strict=True)]  # as known


def test_one_that_is_killed_leaves_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    does(
        'there = here.parents[1] / "killed"\n'
        'if name == "b": there.touch(); os.kill(os.getpid(), 9)\n'
        "while not there.exists(): time.sleep(0.01)\n"
        "raise SystemExit(4)",
        monkeypatch,
    )
    found = dict(outcomes_of({name: job(tmp_path, name) for name in "abc"}, 2))
    assert {name: outcome.status for name, outcome in found.items()} == {
        "a": "diverged",
        "b": "killed by SIGKILL",
        "c": "diverged",
    }


def test_whoever_stops_looking_ends_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    does(
        '(here / "part").write_text(str(os.getpid()))\n'
        '(here / "part").rename(here / "number")\n'
        'while name != "a" or len(list(here.parents[1].glob("*/*/number"))) < 3:\n'
        "    time.sleep(0.01)\n"
        "raise SystemExit(4)",
        monkeypatch,
    )
    jobs = {name: job(tmp_path, name) for name in "abc"}
    with closing(outcomes_of(jobs, 3)) as found:
        assert next(found)[0] == "a"
    for name in "bc":
        with pytest.raises(ProcessLookupError):
            os.kill(int((jobs[name].folder / "number").read_text()), 0)
        assert not (jobs[name].folder / OUTCOME).exists()


@pytest.mark.parametrize(("jobs", "threads"), [(1, None), (3, 2), (16, 1)])
def test_threads_are_divided(
    jobs: int, threads: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    _, asked = common("digits", None, budget=None, epochs=1, seed=0, jobs=jobs)
    assert (asked.settings.get("threads"), asked.jobs) == (threads, jobs)
    does('print(os.environ["OMP_NUM_THREADS"])', monkeypatch)
    made = job(tmp_path, settings=asked.settings)
    process.outcome_of(made)
    assert (made.folder / LOG).read_text() == f"{process.BEGIN}{threads or 8}\n"


def test_why_a_process_failed_is_not_what_an_earlier_one_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    does("print('error: memory'); raise SystemExit(6)", monkeypatch)
    assert process.outcome_of(job(tmp_path)).reason == "memory"
    does("import os; print('vae: 2 latents', flush=True); os.kill(os.getpid(), 9)", monkeypatch)
    assert process.outcome_of(job(tmp_path)).failure == "killed by SIGKILL"


def test_all_seeds_divide_the_rows_alike(table_csv: Path) -> None:
    """So that features and figures of one seed have seen no test row of another."""
    prepared, asked = common(str(table_csv), None, budget=None, epochs=1, seed=3)
    again = prepare_data(str(table_csv), DataOptions(**asked.options), 7)
    assert torch.equal(again.splits.test.all().x, prepared.splits.test.all().x)
    other = prepare_data(str(table_csv), DataOptions(), 7)
    assert not torch.equal(other.splits.test.all().x, prepared.splits.test.all().x)


def test_data_of_ones_own_has_features_of_its_own() -> None:
    """Whatever it is called: shipped features are for what the catalogue loads."""
    prepared = prepare_data("digits", DataOptions(), 0)
    shipped = features_for(prepared.record, prepared.splits.train, None)
    own = features_for(prepared.record | {"source": "/a/digits"}, prepared.splits.train, None)
    x = prepared.splits.test.all().x[:3]
    assert shipped(x).shape != own(x).shape or not torch.allclose(shipped(x), own(x))


def test_a_budget_of_all_jobs_may_be_written_as_people_do() -> None:
    _, asked = common("digits", None, budget="2m", epochs=None, seed=0)
    assert asked.settings == {"budget": 120.0}


def test_a_folder_keeps_to_a_number_of_jobs(tmp_path: Path) -> None:
    job(tmp_path, jobs=2, settings={"threads": 4}).write()
    with pytest.raises(StoreError, match="jobs from 2 to 1, settings.threads from 4 to None"):
        job(tmp_path).write()
    job(tmp_path, "b").write()
    path = job(tmp_path, "b").folder / ASKED
    record = json.loads(path.read_text())
    assert record.pop("jobs") == 1
    path.write_text(json.dumps(record))  # as it was written when there was no such choice
    job(tmp_path, "b").write()
    with pytest.raises(StoreError, match="jobs from 1 to 2"):
        job(tmp_path, "b", jobs=2).write()


def test_features_are_made_before_they_are_shared(
    table_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = prepare_data(str(table_csv), DataOptions(), 0)
    anew = features_for(prepared.record, prepared.splits.train, None)
    make_features(tmp_path, prepared)
    monkeypatch.setattr("variata.tasks.samples.train_features", None)
    path = job(tmp_path).features
    kept = features_for(prepared.record, prepared.splits.test, path)
    x = torch.randn(5, 4)
    torch.testing.assert_close(kept(x), anew(x), rtol=0, atol=0)


# whole comparisons


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Comparison, list[str]]:
    """Two seeds at the same time, and what was said."""
    lines: list[str] = []
    out = tmp_path_factory.mktemp("c") / "out"
    return compare("digits", [VAE], jobs=2, out=out, announce=lines.append, **ASKED_FOR), lines


def kept(figures: dict[str, Any]) -> dict[str, float]:
    return {n: f["mean"] for n, f in figures.items() if not n.startswith(COSTS)}


def test_two_at_a_time_give_the_rows_of_one_at_a_time(
    found: tuple[Comparison, list[str]], tmp_path: Path
) -> None:
    one = compare("digits", [VAE], out=tmp_path / "one", **ASKED_FOR)
    (alone,), (beside,) = one.rows, found[0].rows
    assert beside.ended == alone.ended == "2 of 2 done"
    assert [*beside.outcomes] == [0, 1]
    assert beside.abilities == alone.abilities
    assert kept(beside.figures) == pytest.approx(kept(alone.figures), rel=1e-4, abs=1e-6)


def test_lines_count_what_has_ended(found: tuple[Comparison, list[str]]) -> None:
    counts, said = zip(*(line.split("  ", 1) for line in found[1]), strict=True)
    assert counts == ("1/2", "2/2")
    assert {text.partition(": trained in")[0] for text in said} == {
        f"{VAE}, seed 0",
        f"{VAE}, seed 1",
    }


def test_what_is_told_says_how_many_trained_at_once(
    found: tuple[Comparison, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    made = found[0]
    assert "2 trained at a time" in write_page(made).read_text()
    asked = ["compare", "digits", "--recipes", VAE, "--epochs", "2", "--seeds", "0,1"]
    asked += ["--rows", "100", "--k", "2", "--out", str(made.folder), "--json"]
    assert run([*asked, "--jobs", "2"]) == 0  # all is known
    about = json.loads(capsys.readouterr().out)["about"]
    assert (about["jobs"], about["threads"]) == (2, 1)
    assert run(asked) != 0
    assert "holds another training (jobs from 2 to 1" in capsys.readouterr().err


def when(there: Callable[[], bool], then: Callable[[], None]) -> None:
    """Act once something is there."""

    def wait() -> None:
        while not there():
            time.sleep(0.05)
        then()

    threading.Thread(target=wait, daemon=True).start()


def test_a_signal_ends_all_and_the_same_call_goes_on(tmp_path: Path) -> None:
    folders = [tmp_path / Contender.of(VAE).folder / f"seed-{seed}" for seed in (0, 1)]
    long = ASKED_FOR | {"epochs": 400, "out": tmp_path, "jobs": 2}

    def training() -> bool:
        return all(Checkpoint(f / "run" / "checkpoint").step() > 0 for f in folders)

    when(training, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(InterruptError, match="Stopped by SIGTERM.*Go on with the same command"):
        compare("digits", [VAE], **long)
    for folder in folders:
        assert not (folder / "run" / LOCK).exists()  # nobody trains any more
        assert "with everything saved" in (folder / LOG).read_text()
        assert not (folder / OUTCOME).exists()
    assert compare("digits", [VAE], **long).rows[0].ended == "2 of 2 done"
    for folder in folders:
        assert (folder / LOG).read_text().count("digits: grey images") == 1  # it went on
