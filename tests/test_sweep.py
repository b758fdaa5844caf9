"""`sweep`: which trials are left, on one machine and on several, and what comes of them."""

from __future__ import annotations

import importlib.util
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from variata.cli.app import run as command
from variata.errors import NoDensityError, UsageError
from variata.tasks.comparison.job import Outcome
from variata.tasks.source import DataOptions, prepare_data
from variata.tasks.sweep import trials
from variata.tasks.sweep.found import Point, Sweep, points_of
from variata.tasks.sweep.page import best_said, picture, table, write_page
from variata.tasks.sweep.space import Varied
from variata.tasks.sweep.sweep import study_name, sweep
from variata.tasks.sweep.trials import opened, run

needs_optuna = pytest.mark.skipif(
    importlib.util.find_spec("optuna") is None, reason="Optuna is not installed"
)
GRID = [Varied("latent", (2, 4)), Varied("beta", (1, 4))]
RANGE = [Varied("beta", (0.5, 8.0), between=True)]


def made(**params: Any) -> Outcome:
    """What a training with such arguments could come to: more beta, less rate."""
    rate = 10 / params["beta"]
    means = {"rate": rate, "distortion": 20 - rate + params.get("latent", 0), "elbo": -20.0}
    figures = {name: {"mean": mean, "se": None} for name, mean in means.items()}
    return Outcome("done", found={"figures": figures})


class Attempts:
    """Remembers what was tried; an answer stands for a training."""

    def __init__(self, answer: Callable[..., Outcome] = made) -> None:
        self.tried: list[dict[str, Any]] = []
        self.answer = answer

    def __call__(self, params: dict[str, Any]) -> Outcome:
        self.tried.append(params)
        return self.answer(**params)


def killed(**params: Any) -> Outcome:
    raise KeyboardInterrupt


def study(folder: Path, name: str = "s", seed: int = 0) -> Any:
    return opened(f"sqlite:///{folder / 'study.db'}", name, seed)


@needs_optuna
def test_a_grid_is_tried_once(tmp_path: Path) -> None:
    first, second = Attempts(), Attempts()
    run(study(tmp_path), GRID, 20, tmp_path, first)
    assert len(first.tried) == 4
    assert {(p["latent"], p["beta"]) for p in first.tried} == {(2, 1), (2, 4), (4, 1), (4, 4)}
    run(study(tmp_path), GRID, 20, tmp_path, second)
    assert second.tried == []
    points = points_of(study(tmp_path))
    assert [p.front for p in points] == [p.params["latent"] == 2 for p in points]


@needs_optuna
@pytest.mark.parametrize(("status", "again"), [("diverged", 0), ("refused", 1), ("failed", 1)])
def test_what_could_come_out_otherwise_is_tried_again(
    status: str, again: int, tmp_path: Path
) -> None:
    def answer(**params: Any) -> Outcome:
        return Outcome(status, "Why.") if params == {"latent": 2, "beta": 4} else made(**params)

    run(study(tmp_path), GRID, 20, tmp_path, Attempts(answer))
    points = points_of(study(tmp_path))
    (bad,) = (p for p in points if p.status == status)
    assert (bad.rate, bad.elbo, bad.front) == (None, None, False)
    second = Attempts()
    run(study(tmp_path), GRID, 20, tmp_path, second)
    assert len(second.tried) == again
    assert len(points_of(study(tmp_path))) == 4


@needs_optuna
def test_a_sweep_goes_on_after_a_kill(tmp_path: Path) -> None:
    first, second = Attempts(), Attempts()
    first.answer = lambda **params: killed() if len(first.tried) == 3 else made(**params)
    with pytest.raises(KeyboardInterrupt):
        run(study(tmp_path), GRID, 20, tmp_path, first)
    run(study(tmp_path), GRID, 20, tmp_path, second)
    assert second.tried[0] not in first.tried[:2]
    assert len(second.tried) == 2
    assert {p.status for p in points_of(study(tmp_path))} == {"done"}


@needs_optuna
def test_a_trial_that_a_dead_process_left_is_tried_again(tmp_path: Path) -> None:
    left = study(tmp_path)
    left.enqueue_trial({"latent": 2, "beta": 1})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nothing beats for it, as for one that is dead
        trial = left.ask()
    trial.set_user_attr(trials.WHERE, f"{trials.platform.node()}:{tmp_path.resolve()}")
    for one in GRID:
        one.suggested(trial)
    attempts = Attempts()
    run(study(tmp_path), GRID, 20, tmp_path, attempts)
    assert len(attempts.tried) == 4


@needs_optuna
def test_machines_with_the_same_folder_leave_each_other_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, here = Attempts(), Attempts()

    def meanwhile(**params: Any) -> Outcome:
        if len(there.tried) == 1:
            with monkeypatch.context() as other:
                other.setattr(trials.platform, "node", lambda: "other")
                run(study(tmp_path, seed=1), GRID, 20, tmp_path, here)
        return made(**params)

    there.answer = meanwhile
    run(study(tmp_path), GRID, 20, tmp_path, there)
    assert (len(there.tried), len(here.tried)) == (1, 3)
    assert there.tried[0] not in here.tried
    assert len(points_of(study(tmp_path))) == 4


@needs_optuna
def test_machines_share_the_number_of_trials_of_a_range(tmp_path: Path) -> None:
    there, here = Attempts(), Attempts()

    def meanwhile(**params: Any) -> Outcome:
        if len(there.tried) == 2:
            run(study(tmp_path, seed=1), RANGE, 5, tmp_path / "elsewhere", here)
        return made(**params)

    there.answer = meanwhile
    run(study(tmp_path), RANGE, 5, tmp_path, there)
    assert (len(there.tried), len(here.tried)) == (2, 3)
    assert all(0.5 <= p["beta"] <= 8 for p in (*there.tried, *here.tried))
    more = Attempts()
    run(study(tmp_path), RANGE, 6, tmp_path, more)
    assert len(more.tried) == 1


@needs_optuna
def test_a_range_whose_trials_all_fail_comes_to_an_end(tmp_path: Path) -> None:
    attempts = Attempts(lambda **params: Outcome("out of memory"))
    run(study(tmp_path), RANGE, 3, tmp_path, attempts)
    assert len(attempts.tried) == 3


def test_studies_of_other_rows_have_other_names() -> None:
    plain, *others = (
        study_name({"recipe": "vae"}, ["beta=1,2"], prepare_data("digits", options, 0).record)
        for options in (
            DataOptions(),
            DataOptions(),
            DataOptions(binarise=True),
            DataOptions(fractions=(0.5, 0.25, 0.25)),
        )
    )
    assert others[0] == plain
    assert len({plain, *others}) == 3


@needs_optuna
def test_studies_in_one_storage_know_nothing_of_each_other(tmp_path: Path) -> None:
    run(study(tmp_path, "a"), GRID, 20, tmp_path, Attempts())
    other = Attempts()
    run(study(tmp_path, "b"), [*GRID[:1], Varied("beta", (2, 3))], 20, tmp_path, other)
    assert len(other.tried) == 4
    assert {p.params["beta"] for p in points_of(study(tmp_path, "a"))} == {1, 4}


# what is asked


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("beta=0.5..8", (0.5, 8)),
        ("beta=.5..1", (0.5, 1)),
        ("lr=1.5e-4..1e-2", (1.5e-4, 1e-2)),
        ("latent=2..16", (2, 16)),
    ],
)
def test_ranges(text: str, values: tuple[float, float]) -> None:
    found = Varied.of(text, "beta_vae")
    assert (found.values, found.between) == (values, True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("beta", "needs argument=value"),
        ("beta=", "needs argument=value"),
        ("beta=1,1", "each once"),
        ("beta=[1", "does not suit beta_vae"),
        ("beta={a: 1}", "numbers or words"),
        ("bta=1,2", "has no 'bta'"),
        ("beta=8..1", "lower end"),
        ("beta=1..2,3", "does not suit beta_vae"),
        ("likelihood=gaussian..logistic", "between two numbers"),
    ],
)
def test_what_cannot_be_varied(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Varied.of(text, "beta_vae")


@pytest.mark.parametrize("recipe", ["gan", "ae"])
def test_a_recipe_without_a_rate_is_refused_before_it_trains(recipe: str, tmp_path: Path) -> None:
    with pytest.raises(NoDensityError, match="no rate"):
        sweep("digits", ["latent=2,4", "lr=1e-3,1e-2"], recipe, epochs=1, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


# what is said


def test_the_front_holds_what_no_other_beats() -> None:
    a, b = Point({}, "done", 1.0, 9.0), Point({}, "done", 1.0, 8.0)
    assert b.beats(a)
    assert not a.beats(b)
    assert not a.beats(a)
    assert a.beats(Point({}, "failed"))
    assert not Point({}, "failed").beats(a)


def test_the_page(tmp_path: Path) -> None:
    about = {"data": "digits", "recipe": "beta_vae", "epochs": 3, "seed": 0}
    points = [
        Point({"latent": 2, "beta": 1}, "done", 3.0, 6.0, front=True),
        Point({"latent": 2, "beta": 4}, "done", 1.0, 9.0, front=True),
        Point({"latent": 4, "beta": 1}, "diverged"),
    ]
    found = Sweep(tmp_path, about, GRID, points)
    text = write_page(found).read_text()
    assert "3 epochs for each training" in text
    assert best_said(found) in text
    assert "latent=2, beta=1" in best_said(found)
    assert text.count("<img") == 1
    assert table(found)[-1] == ["4", "1", "–", "–", "–", "–", "diverged"]
    guessed = Sweep(tmp_path, about | {"likelihood": "estimated"}, GRID, points)
    assert "nats, estimated, is that" in best_said(guessed)
    assert [head for head in table(guessed)[0] if "estimated" in head] == [
        "rate, nats, estimated",
        "ELBO, nats, estimated",
    ]
    bare = Sweep(tmp_path, about, GRID, points[2:])
    assert picture(bare) == []
    assert best_said(bare) == "No training has come to an end."


@needs_optuna
def test_the_verb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = ["sweep", "digits", "--recipe", "beta_vae:latent=2:hidden=8", "--vary", "beta=1,4"]
    asked += ["--epochs", "1", "--rows", "50"]
    assert command([*asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [p["status"] for p in found["points"]] == ["done", "done"]
    assert found["best"]["elbo"] == max(p["elbo"] for p in found["points"])
    for point in found["points"]:
        assert point["elbo"] == pytest.approx(-(point["rate"] + point["distortion"]))
    assert Path(found["report"]).parent.name.endswith("1-epochs")
    assert command(asked) == 0
    said = capsys.readouterr()
    assert "The highest ELBO" in said.out
    assert "1  beta" not in said.err  # nothing is trained again
    assert command([*asked, "--trials", "3"]) == 2


def test_a_range_between_whole_numbers_is_whole_where_the_argument_is() -> None:
    assert Varied.of("beta=1..4", "beta_vae").values == (1.0, 4.0)
    assert isinstance(Varied.of("beta=1..4", "beta_vae").values[0], float)
    assert isinstance(Varied.of("latent=2..8", "vae").values[0], int)
    assert isinstance(Varied.of("batch_size=32..64", "vae").values[0], int)
