"""`compare`: what is measured, what comes of processes that fail, and what is answered."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from variata import fit, load, recipes
from variata.cli.app import run
from variata.data import Examples, infer_schema
from variata.errors import DivergenceError, InterruptError, StoreError, UsageError
from variata.models import LatentModel, Level, encodes, likelihood_of
from variata.tasks.comparison import child, process
from variata.tasks.comparison.abilities import ABILITIES, abilities
from variata.tasks.comparison.answers import answers
from variata.tasks.comparison.compare import Comparison, compare
from variata.tasks.comparison.contenders import (
    IMAGES,
    ROWS,
    Contender,
    contenders,
    parsed_value,
    usual,
)
from variata.tasks.comparison.costs import seconds_to_final, training_costs
from variata.tasks.comparison.detection import chimeras
from variata.tasks.comparison.job import LOG, OUT_OF_MEMORY, OUTCOME, Job, Outcome
from variata.tasks.comparison.measured import measured
from variata.tasks.comparison.page import write_page
from variata.tasks.comparison.rows import Row
from variata.tasks.comparison.tables import cell, tables
from variata.tasks.evaluate import evaluate
from variata.tasks.lock import LOCK
from variata.tasks.source import DataOptions
from variata.training import Checkpoint

SMALL = "latent=2:hidden=8"
VAE, BROKEN = f"vae:{SMALL}", f"vae:{SMALL}:lr=1e30"
ASKED: dict[str, Any] = {"epochs": 3, "seeds": (0, 1), "rows": 200, "k": 4}


NOTHING_MORE: dict[str, Any] = {"likelihood": "bound", "abilities": {}, "curve": []}


def job(folder: Path, **more: Any) -> Job:
    return Job(folder / "vae" / "seed-0", "digits", "", {}, "vae", {}, {"seed": 0}, "cpu", **more)


def row(name: str, likelihood: str = "bound", **figures: Any) -> Row:
    """A row of one training, with means, or (mean, error) over its rows."""
    pairs = {n: v if isinstance(v, tuple) else (v, None) for n, v in figures.items()}
    made = {n: {"mean": mean, "se": se} for n, (mean, se) in pairs.items()}
    done = Outcome("done", found={"figures": made})
    return Row(name, name, {0: done}, made, likelihood, {"generate": True})


def seeds(name: str, *values: float) -> Row:
    """A row with a Frechet distance for every seed."""
    found = {"likelihood": "bound", "abilities": {"generate": True}}
    outcomes = {
        i: Outcome("done", found=found | {"figures": {"frechet": {"mean": value, "se": None}}})
        for i, value in enumerate(values)
    }
    return replace(Row.of(Contender.of("vae"), outcomes), name=name)


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """One recipe that works and one that diverges, on digits."""
    return compare("digits", [VAE, BROKEN], out=tmp_path_factory.mktemp("c") / "out", **ASKED)


# measures


def test_figures_are_those_of_evaluate(digits_run: Path, tmp_path: Path) -> None:
    model, asked = load(digits_run), job(tmp_path, k=8)
    asked.folder.mkdir(parents=True)
    ours, theirs = measured(model, asked)["figures"], evaluate(model, k=8).figures
    assert ours["nll"]["mean"] == pytest.approx(theirs["nll"]["mean"], abs=0.3)  # other noise
    assert ours["reconstruction"]["mean"] == pytest.approx(
        theirs["reconstruction"]["rmse"]["mean"], rel=1e-5
    )
    for name in ("frechet", "precision", "recall", "density", "coverage"):
        assert ours[name]["mean"] == pytest.approx(theirs["samples"][name], rel=1e-4)
    assert ours["probe"]["mean"] > 0.5
    assert 0.5 < ours["detection"]["mean"] <= 1
    assert np.load(asked.folder / "samples.npy").shape == (24, 8, 8)


@pytest.mark.parametrize(
    ("recipe", "draws", "rows"),
    [
        ("independent", 1, 359),
        ("diffusion", 1, 250),
        ("vae", 8, 359),
        ("pixel_vae", 2, 359),
        ("vq_vae", 1, 359),
    ],
)
def test_likelihoods_take_no_more_passes_than_they_need(
    recipe: str, draws: int, rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = []

    def recorded(module: LatentModel, test: Examples, k: int, seed: int) -> torch.Tensor:
        taken.append((k, len(test)))
        return torch.arange(float(len(test)))

    for place in ("measured", "detection"):
        monkeypatch.setattr(f"variata.tasks.comparison.{place}.log_likelihood", recorded)
    small = {"width": 4, "steps": 2} if recipe == "diffusion" else {}
    small |= {"latent": 4, "hidden": (8,)} if recipe.endswith("vae") else {}
    small |= {"width": 4, "layers": 0} if recipe == "pixel_vae" else {}
    fractions = DataOptions(fractions=(0.6, 0.2, 0.2)).fractions
    model = fit("digits", recipe, epochs=1, fractions=fractions, **small)
    asked = job(tmp_path, k=8)
    asked.folder.mkdir(parents=True)
    made = measured(model, asked)
    assert taken == [(draws, rows)] * 2  # the test rows, and chimeras
    valid = [report["valid"] for report in model.history]
    expected = [-report["elbo"] for report in valid if "elbo" in report]
    if recipe == "independent":
        expected = [report["distortion"] for report in valid]
    assert [cost for _, cost in made["curve"]] == expected
    assert bool(expected) == (recipe != "diffusion")


def test_what_a_point_without_prior_has_no_figure_for_is_left_out(tmp_path: Path) -> None:
    model, asked = fit("digits", "ae", latent=2, hidden=(8,), epochs=1), job(tmp_path)
    asked.folder.mkdir(parents=True)
    made = measured(model, asked)
    assert made["likelihood"] == "none"
    assert made["curve"] == []
    assert not {"nll", "bits_per_dim", "frechet", "ms_per_sample", "bits_in_file"} & {
        *made["figures"]
    }
    assert {"reconstruction", "probe", "detection_by_error", "parameters"} <= {*made["figures"]}
    assert "detection" not in made["figures"]
    json.dumps(made, allow_nan=False)


def test_a_likelihood_that_is_not_finite_is_none(
    digits_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = job(tmp_path)
    asked.folder.mkdir(parents=True)
    monkeypatch.setattr(
        "variata.tasks.comparison.measured.log_likelihood",
        lambda module, test, k, seed: torch.full((len(test),), -torch.inf),
    )
    made = measured(load(digits_run), asked)
    assert made["likelihood"] == "none"
    assert not {"nll", "bits_per_dim", "bits_in_file"} & {*made["figures"]}
    assert not made["abilities"]["likelihood"]


def test_samples_and_latents_that_are_not_finite_leave_the_other_figures(
    digits_run: Path, tmp_path: Path
) -> None:
    model, asked = load(digits_run), job(tmp_path, k=2)
    asked.folder.mkdir(parents=True)
    with torch.no_grad():
        list(model.module.decoder.parameters())[-1].fill_(torch.nan)
    made = measured(model, asked)
    assert {"seconds", "parameters", "probe"} <= {*made["figures"]}
    assert not {"frechet", "detection", "reconstruction", "nll"} & {*made["figures"]}
    assert not (asked.folder / "samples.npy").exists()
    json.dumps(made, allow_nan=False)


@pytest.mark.parametrize(
    ("recipe", "kind"),
    [("vae", "bound"), ("vq_vae", "bound"), ("ae", "none"), ("wae_mmd", "none")],
)
def test_what_a_likelihood_is_follows_from_the_parts(recipe: str, kind: str) -> None:
    assert likelihood_of(recipes.build(recipe, shape=(4,)).model) == kind


def test_models_without_levels_or_posteriors() -> None:
    made = recipes.vae(shape=(4,), latent=2).model
    bare = LatentModel(nn.Identity(), [], made.decoder)
    assert (likelihood_of(bare), encodes(bare)) == ("exact", False)
    level = Level(made.levels[0].prior, None, made.levels[0].merge)  # type: ignore[arg-type]
    generator = LatentModel(nn.Identity(), [level], made.decoder)
    assert (likelihood_of(generator), encodes(generator)) == ("none", False)
    bare.decoder.density = "estimated"  # type: ignore[assignment]
    assert likelihood_of(bare) == "estimated"


def test_abilities_are_what_the_verbs_do(digits_run: Path, tmp_path: Path) -> None:
    assert all(abilities(load(digits_run)).values())
    codes, asked = fit("digits", "vq_vae", latent=8, hidden=(8,), epochs=1), job(tmp_path, k=2)
    asked.folder.mkdir(parents=True)
    able = measured(codes, asked)["abilities"]
    assert {*able} == {*ABILITIES}
    assert (able["compress"], able["interpolate"], able["encode"]) == (False, False, True)
    with pytest.raises(UsageError):
        codes.compress("digits", tmp_path / "x.vrt")


def test_chimeras_hold_what_other_rows_hold() -> None:
    images = torch.rand(5, 1, 7, 4)
    made = chimeras(images)
    torch.testing.assert_close(made[:, :, :3], images[:, :, :3])
    torch.testing.assert_close(made[:, :, 3:].roll(-1, 0), images[:, :, 3:])
    rows = torch.rand(6, 5)
    mixed = chimeras(rows)
    same = (mixed == rows).all(0)
    assert int(same.sum()) == 3
    assert 0 < int((chimeras(images[:, :, :1]) == images[:, :, :1]).all(0).sum()) < 4
    torch.testing.assert_close(mixed[:, ~same], rows.roll(1, 0)[:, ~same])


def reports(*scores: tuple[float, bool]) -> list[dict[str, Any]]:
    return [
        {"seconds": 2.0 + i, "epoch": 1.0 + i, "step": 10 * i, "criterion": score, "best": best}
        for i, (score, best) in enumerate(scores)
    ]


@pytest.mark.parametrize(
    ("scores", "seconds"),
    [
        (((-100.0, True), (-98.0, False)), 2.0),
        (((-90.0, True), (-98.5, True), (-100.0, True)), 3.0),
        (((5.0, True), (7.0, True)), None),  # the latest weights are kept, whatever the score
        (((1.0, True), (1.0, False)), None),  # it never moved
        (((1.0, True),), 2.0),
    ],
)
def test_seconds_to_the_final_score(scores: Any, seconds: float | None) -> None:
    assert seconds_to_final(reports(*scores)) == seconds


def test_costs_leave_out_what_came_before_the_first_step() -> None:
    about = {"seconds": 4.5, "best_step": 10, "rollbacks": 1, "skipped": 5}
    costs = training_costs(reports((3.0, True), (2.0, True), (2.5, False)), about)
    assert costs["seconds_per_epoch"] == 1.0
    assert costs["seconds_to_kept"] == 3.0
    assert (costs["restarts"], costs["skipped"], costs["seconds"]) == (1, 5, 4.5)


# processes


def in_process(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


@pytest.mark.parametrize(
    ("code", "status", "again"),
    [
        ("import os; os.kill(os.getpid(), 9)", "killed by SIGKILL", True),
        ("print('error: boom'); raise SystemExit(4)", "diverged", False),
        ("print('error: boom'); raise SystemExit(2)", "refused", True),
        (f"print('error: boom'); raise SystemExit({OUT_OF_MEMORY})", "out of memory", True),
        ("print('error: boom'); raise SystemExit(143)", "stopped by SIGTERM", True),
        ("raise ValueError('boom')", "failed", True),
        ("pass", "failed", True),  # it ended well, but left nothing
    ],
)
def test_how_a_process_ends_is_what_is_said(
    code: str, status: str, again: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "CHILD", in_process(code))
    outcome = process.outcome_of(job(tmp_path))
    assert outcome.status == status
    assert ("boom" in outcome.reason) == ("boom" in code)
    monkeypatch.setattr(process, "CHILD", in_process("raise SystemExit(3)"))
    assert process.outcome_of(job(tmp_path)).status == ("refused" if again else status)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DivergenceError("no"), 4),
        (MemoryError("no"), OUT_OF_MEMORY),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), OUT_OF_MEMORY),
        (UsageError("no"), 2),
    ],
)
def test_what_goes_wrong_in_a_process_is_its_exit_code(
    error: Exception,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken(*arguments: Any, **more: Any) -> None:
        raise error

    monkeypatch.setattr(child, "fit", broken)
    asked = job(tmp_path)
    asked.write()
    assert child.main(str(asked.folder)) == code
    assert capsys.readouterr().err.startswith("error: ")
    assert not (asked.folder / OUTCOME).exists()


def test_faults_are_not_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any, **more: Any) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(child, "fit", broken)
    asked = job(tmp_path)
    asked.write()
    with pytest.raises(RuntimeError, match="a fault"):
        child.main(str(asked.folder))


def test_a_folder_holds_one_job(tmp_path: Path) -> None:
    job(tmp_path).write()
    job(tmp_path).write()
    assert Job.read(job(tmp_path).folder) == job(tmp_path)
    with pytest.raises(StoreError, match="rows from 2000 to 9"):
        job(tmp_path, rows=9).write()
    (job(tmp_path).folder / "job.json").write_text("{}")
    with pytest.raises(StoreError, match="is damaged"):
        Job.read(job(tmp_path).folder)


@pytest.mark.parametrize(
    "text", ['{"status": "done"}', '{"status": "done", "reason": "", "found": [], "more": 1}', "[]"]
)
def test_a_foreign_outcome_is_damaged(text: str, tmp_path: Path) -> None:
    job(tmp_path).write()
    (job(tmp_path).folder / OUTCOME).write_text(text)
    with pytest.raises(StoreError, match=r"is damaged|cannot be read"):
        Outcome.known(job(tmp_path))


def test_memory_is_left_out_where_it_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "STATUS", tmp_path / "nowhere")
    settings = {"seed": 0, "epochs": 1}
    more = {"arguments": {"latent": 2, "hidden": 8}, "settings": settings, "measures": "bound"}
    options = json.loads(json.dumps(asdict(DataOptions())))
    asked = replace(job(tmp_path), options=options, **more)
    asked.write()
    assert child.main(str(asked.folder)) == 0
    outcome = Outcome.known(asked)
    assert outcome is not None
    made = Row.of(Contender.of("vae"), {0: replace(outcome, found=outcome.found | NOTHING_MORE)})
    assert {*made.figures} == {"rate", "distortion", "elbo"}
    assert made.figures["rate"]["se"] > 0  # over rows, with one seed


def test_a_training_ends_with_the_process_that_asked_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = child.WithParent()
    watch.on_step(0.5, 1.0)  # it is there
    sent: list[Any] = []
    monkeypatch.setattr(os, "kill", lambda *given: sent.append(given))
    watch.parent = -1
    watch.on_step(0.5, 1.0)
    assert sent == [(os.getpid(), signal.SIGTERM)]


# all together


def test_one_that_diverges_leaves_a_row_and_the_others_stand(found: Comparison) -> None:
    good, bad = found.rows
    assert good.ended == "2 of 2 done"
    assert good.likelihood == "bound"
    assert good.figures["nll"]["se"] > 0  # over the seeds
    each = [o.found["figures"]["nll"]["mean"] for o in good.outcomes.values()]
    assert good.get("nll") == pytest.approx(np.mean(each))
    assert good.figures["nll"]["se"] == pytest.approx(np.std(each, ddof=1) / 2**0.5)
    assert bad.ended == "0 of 2 done, seed 0 diverged, seed 1 diverged"
    assert "not finite" in bad.outcomes[0].reason
    assert bad.figures == {}
    json.dumps(found.as_dict(), allow_nan=False)


def test_nothing_is_measured_twice(found: Comparison, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "CHILD", in_process("raise SystemExit(1)"))
    again = compare("digits", [VAE, BROKEN], out=found.folder, **ASKED)
    assert again.as_dict() == found.as_dict()
    with pytest.raises(StoreError, match="epochs from 3 to 2"):
        compare("digits", [VAE], out=found.folder, **ASKED | {"epochs": 2})


def test_the_page_stands_alone(found: Comparison) -> None:
    text = write_page(found).read_text()
    assert text.count("<img") == 4  # draws, means, and quality against both times
    assert "http" not in text
    assert "diverged" in text
    for answer in found.answers:
        assert answer.task in text


def test_tables_have_a_line_for_every_recipe(found: Comparison) -> None:
    for table in tables(found.rows).values():
        assert [line[0] for line in table[1:]] == [VAE, BROKEN]
        assert len({len(line) for line in table}) == 1


def killed_when(folder: Path, there: Callable[[], bool]) -> threading.Thread:
    """Kills the process that trains in a folder."""

    def wait() -> None:
        for _ in range(600):
            time.sleep(0.1)
            if there() and (number := (folder / LOCK).read_text()):
                os.kill(int(number), signal.SIGKILL)
                return

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def test_a_killed_training_leaves_a_row_and_a_rerun_goes_on(tmp_path: Path) -> None:
    trained = f"{VAE}:save_every=0.1"
    folder = tmp_path / Contender.of(trained).folder / "seed-0" / "run"
    long = {"epochs": 600, "seeds": (0,), "out": tmp_path, "rows": 60, "k": 1}
    thread = killed_when(folder, lambda: Checkpoint(folder / "checkpoint").step() > 0)
    first = compare("digits", [trained], **long)
    thread.join()
    assert first.rows[0].ended == "0 of 1 done, seed 0 killed by SIGKILL"
    assert first.answers == []
    write_page(first)
    asked = json.loads((folder / "training.json").read_text())
    step = int(Checkpoint(folder / "checkpoint").load().numbers["step"])  # type: ignore[union-attr]
    second = compare("digits", [trained], **long)
    assert second.rows[0].ended == "1 of 1 done"
    about = load(folder).saved.about
    assert step > 0
    assert about["settings"] == asked["settings"]
    log = (folder.parent / LOG).read_text()
    assert log.count("digits: grey images") == 1  # the same training went on


def test_a_signal_ends_a_comparison_and_is_told(tmp_path: Path) -> None:
    folder = tmp_path / Contender.of(VAE).folder / "seed-0" / "run"

    def send() -> None:
        while not (folder / LOCK).is_file():
            time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=send, daemon=True).start()
    with pytest.raises(InterruptError, match="Go on with the same command"):
        compare("digits", [VAE], epochs=4_000, seeds=(0,), out=tmp_path)
    assert not (folder / LOCK).is_file()  # nobody trains any more


# answers


def test_the_best_is_named_with_those_that_are_not_told_apart() -> None:
    rows = [
        row("a", frechet=(3.0, 0.1)),
        row("b", frechet=(2.8, 0.1)),
        row("c", frechet=(9.0, 0.1)),
        row("d", "none"),
    ]
    (answer,) = (a for a in answers(rows) if a.measure == "frechet")
    assert answer.best == ("b", "a")
    assert answer.text == (
        "To generate what looks most like the data: b 2.800 ± 0.100 (Frechet); not told apart from "
        "a 3.000 ± 0.100; then c 9.000 ± 0.100. Without this figure: d."
    )


def test_rules_ask_for_more_than_one_figure() -> None:
    rows = [
        row("narrow", precision=1.0, coverage=0.1, frechet=30.0, ms_per_sample=0.1),
        row("wide", precision=0.8, coverage=0.9, frechet=4.0, ms_per_sample=5.0),
        row("slow", precision=0.7, coverage=0.8, frechet=3.0, ms_per_sample=90.0),
    ]
    best = {answer.task: answer.best[0] for answer in answers(rows)}
    assert best["To generate the sharpest"] == "wide"
    assert best["To generate fast"] == "wide"
    assert best["To generate the most varied"] == "wide"
    sharpest = next(answer for answer in answers(rows) if "sharpest" in answer.task)
    assert sharpest.text.endswith("Left out by the rule: narrow.")
    assert not [task for task in best if "detect anomalies" in task]


def test_one_training_of_several_is_told_and_decides_nothing() -> None:
    lucky = row("gan", frechet=1.0)
    lucky = replace(lucky, outcomes={**lucky.outcomes, 1: Outcome("diverged")})
    (answer,) = answers([lucky, seeds("vae", 5.0, 5.1)])
    assert (answer.best, answer.sure) == (("gan",), False)
    assert "gan 1.000, 1 of 2 trainings (Frechet); then vae" in answer.text
    assert "may differ by chance" in answer.text


def test_differences_are_taken_seed_by_seed() -> None:
    """Seeds that are hard for all recipes say nothing about which is better."""
    rows = [seeds("a", 1.0, 5.0, 9.0), seeds("b", 2.0, 6.1, 10.0), seeds("c", 3.0, 2.0, 12.0)]
    (answer,) = (a for a in answers(rows) if a.measure == "frechet")
    assert (answer.best, answer.sure) == (("a", "c"), True)


def test_two_seeds_alone_tell_little_apart() -> None:
    """Errors of two seeds are judged by the t distribution, which is wide for so few."""
    (answer,) = answers([seeds("a", 1.0, 1.1), seeds("b", 1.5, 1.8)])
    assert answer.best == ("a", "b")


def test_without_errors_an_order_is_told_and_nothing_more() -> None:
    (answer,) = (a for a in answers([row("a", frechet=1.0), row("b", frechet=1.01)]))
    assert (answer.best, answer.sure) == (("a",), False)
    assert answer.text.endswith("Of one training each: what differs may differ by chance.")


def test_a_figure_of_some_seeds_says_so() -> None:
    some = seeds("a", 1.0, 2.0)
    del some.outcomes[1].found["figures"]["frechet"]
    made = Row.of(Contender.of("vae"), some.outcomes)
    assert cell(made, "frechet") == "1.00 (1 of 2)"


def test_what_cannot_be_known_here_is_not_denied() -> None:
    able = replace(row("a"), abilities={"generate": True, "encode": False})
    line = tables([able])["What each can do"][1]
    assert line[1:3] == ["yes", "no"]
    assert "not installed" in line


def test_what_a_likelihood_is_does_not_hang_on_the_first_seed() -> None:
    nothing = {"figures": {}, "likelihood": "none", "abilities": {"likelihood": False}}
    known = {"nll": {"mean": 90.0, "se": None}}
    bound = {"figures": known, "likelihood": "bound", "abilities": {"likelihood": True}}
    outcomes = {i: Outcome("done", "", f) for i, f in enumerate([nothing, bound])}
    assert cell(Row.of(Contender.of(VAE), outcomes), "nll") == "≤ 90.0 (1 of 2)"


def test_a_bound_is_called_one() -> None:
    rows = [row("a", "exact", nll=90.0), row("b", nll=91.0), row("c", "estimated", nll=80.0)]
    (answer,) = answers(rows)
    assert "a 90.00 (NLL" in answer.text
    assert "b 91.00, at most" in answer.text
    assert answer.text.endswith("Left out by the rule: c.")
    assert [cell(r, "nll") for r in rows] == ["90.0", "≤ 91.0", "≈ 80.0"]
    assert cell(row("d", "none"), "nll") == "none"


# what is asked


def test_contenders() -> None:
    made = Contender.of("beta_vae:beta=4:hidden=8:lr=0.01")
    assert made.arguments == {"beta": 4, "hidden": 8, "lr": 0.01}
    assert made.folder == "beta_vae,beta=4,hidden=8,lr=0.01"
    schema = infer_schema(np.random.default_rng(0).normal(size=(50, 3)))
    assert {*IMAGES, *ROWS} <= {*recipes.names()}
    assert usual(schema) == [*ROWS]
    alone = infer_schema(np.random.default_rng(0).normal(size=(50, 1)))
    assert usual(alone) == [name for name in ROWS if name != "flow_prior"]
    with pytest.raises(UsageError, match="named twice"):
        contenders(["vae", "ae", "vae"], schema)
    with pytest.raises(UsageError, match="has no 'bta'"):
        Contender.of("beta_vae:bta=4")
    with pytest.raises(UsageError, match="Unknown recipe"):
        Contender.of("vea")
    with pytest.raises(UsageError, match="argument=value"):
        Contender.of("vae:latent")
    with pytest.raises(UsageError, match="does not suit vae"):
        Contender.of("vae:hidden=[8")  # what is left of [8,8] where commas part recipes


@pytest.mark.parametrize("name", ["seed", "budget", "epochs"])
def test_what_is_common_to_all_is_none_of_one(name: str) -> None:
    with pytest.raises(UsageError, match=f"use --{name}"):
        Contender.of(f"vae:{name}=5")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("[8, 8]", [8, 8]),
        ("[8", "[8"),
        ("nan", "nan"),
        ("2020-13-45", "2020-13-45"),
    ],
)
def test_values_are_yaml_or_texts(text: str, value: Any) -> None:
    assert parsed_value(text) == value


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"options": DataOptions(condition=("label",))}, "without a condition"),
        ({"budget": 0.0}, "budget"),
        ({"data": np.zeros((9, 2))}, "name a file"),
        ({"epochs": 1, "budget": 2.0}, "not both"),
        ({"seeds": ()}, "one or more seeds"),
        ({"seeds": (1, 1)}, "each once"),
        ({"jobs": 0}, "jobs must be at least 1"),
    ],
)
def test_what_cannot_be_compared(asked: dict[str, Any], said: str, tmp_path: Path) -> None:
    data = asked.pop("data", "digits")
    with pytest.raises(UsageError, match=said):
        compare(data, ["vae"], out=tmp_path / "out", **asked)
    assert not (tmp_path / "out").exists()


def test_the_verb(at_home: Path, capsys: pytest.CaptureFixture[str], table_csv: Path) -> None:
    names = f"{VAE},ae:{SMALL}"
    asked = ["compare", str(table_csv), "--recipes", names, "--epochs", "1", "--quick"]
    assert run([*asked, "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert [r["ended"] for r in made["rows"]] == ["1 of 1 done"] * 2
    assert made["report"] == "runs/compare-table-1-epochs/report.html"
    assert (at_home / made["report"]).read_text().count(
        "<img"
    ) == 2  # too few rows to judge samples
    assert run(asked) == 0
    said = capsys.readouterr()
    assert "Likelihood and samples" in said.out
    assert "To reconstruct: " in said.out
    assert f"1/2  {VAE}, seed 0: trained in" in said.err
    assert run([*asked[:2], "--seeds", "0,x"]) == 2
