"""A recipe with many arguments: what is tried, what is kept, and what is shown of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from variata.cli.app import run as command
from variata.errors import NoDensityError, UsageError
from variata.tasks.comparison.job import Outcome
from variata.tasks.sweep.found import Point, Sweep, points_of
from variata.tasks.sweep.page import best_said, picture, table
from variata.tasks.sweep.space import Varied
from variata.tasks.sweep.sweep import sweep
from variata.tasks.sweep.trials import WHERE, opened, run

pytest.importorskip("optuna", reason="Optuna is not installed")

GRID = [Varied("latent", (2, 4)), Varied("beta", (1, 4))]


def outcome(params: dict[str, Any]) -> Outcome:
    """The more latents, the more rate and the less distortion."""
    rate = float(params.get("latent", 3))
    figures = {"rate": {"mean": rate, "se": None}, "distortion": {"mean": 9 - rate, "se": None}}
    return Outcome("done", found={"figures": figures})


@pytest.fixture
def study(tmp_path: Path) -> Callable[[], Any]:
    return lambda: opened(f"sqlite:///{tmp_path / 'study.db'}", "one", 0)


def tried(into: list[dict[str, Any]], then: Callable[[], None] = lambda: None) -> Any:
    def attempt(params: dict[str, Any]) -> Outcome:
        into.append(params)
        then()
        return outcome(params)

    return attempt


def test_every_combination_of_a_grid_is_tried_once(study: Any, tmp_path: Path) -> None:
    seen: list[dict[str, Any]] = []
    run(study(), GRID, 0, tmp_path, tried(seen))
    run(study(), GRID, 0, tmp_path, tried(seen))
    assert sorted((p["latent"], p["beta"]) for p in seen) == [(2, 1), (2, 4), (4, 1), (4, 4)]
    points = points_of(study())
    assert {point.elbo for point in points} == {-9.0}
    assert all(point.front for point in points)  # none has less of both


def test_a_killed_trial_is_tried_again(study: Any, tmp_path: Path) -> None:
    seen: list[dict[str, Any]] = []

    def killed() -> None:
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(study(), GRID, 0, tmp_path, tried(seen, killed))
    run(study(), GRID, 0, tmp_path, tried(seen))
    assert len(seen) == 5  # the second one twice
    assert len({(p["latent"], p["beta"]) for p in seen}) == 4


@pytest.mark.filterwarnings("ignore:Heartbeat")
def test_trials_of_another_machine_are_left_alone(study: Any, tmp_path: Path) -> None:
    other = study().ask()
    other.set_user_attr(WHERE, f"another machine:{tmp_path.resolve()}")
    seen: list[dict[str, Any]] = []
    run(study(), [Varied("latent", (2, 8), between=True)], 3, tmp_path, tried(seen))
    assert len(seen) == 2  # the third is at hand elsewhere
    assert study().trials[other.number].state.name == "RUNNING"


def test_trials_that_fail_stay_without_figures(study: Any, tmp_path: Path) -> None:
    run(study(), GRID[:1], 0, tmp_path, lambda params: Outcome("diverged", "not finite"))
    assert [(point.status, point.elbo) for point in points_of(study())] == [("diverged", None)] * 2
    assert best_said(Sweep(tmp_path, {}, GRID[:1], points_of(study()))).startswith("No training")


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("lr=1.5e-4..1e-2", (1.5e-4, 1e-2)),
        ("lr=.5e-3..1", (0.5e-3, 1)),
        ("latent=4,8", (4, 8)),
        ("network=mlp,conv", ("mlp", "conv")),
    ],
)
def test_what_is_varied_is_read(text: str, values: tuple[Any, ...]) -> None:
    found = Varied.of(text, "vae")
    assert found.values == values
    assert found.between == (".." in text)


@pytest.mark.parametrize(
    "text", ["latent", "latent=4,4", "beta_=1,2", "lr=1..0.1", "network=a..b", "hidden=[8,8],[4,4]"]
)
def test_what_cannot_be_varied_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Varied.of(text, "vae")


def test_a_point_that_another_beats_is_not_on_the_front() -> None:
    better, worse = Point({}, "done", 1.0, 2.0), Point({}, "done", 1.0, 3.0)
    assert better.beats(worse)
    assert not worse.beats(better)
    assert not better.beats(better)


def test_recipes_without_a_rate_are_refused_before_the_first_training(tmp_path: Path) -> None:
    with pytest.raises(NoDensityError, match="no rate"):
        sweep("digits", ["latent=2,4"], "ae", epochs=1, out=tmp_path / "swept")
    assert not (tmp_path / "swept").exists()


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "swept"
    asked = ["sweep", "digits", "--recipe", "beta_vae:latent=2:hidden=8", "--vary", "beta=1,4"]
    asked += ["--epochs", "1", "--rows", "100", "--out", str(out)]
    assert command([*asked, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [point["params"]["beta"] for point in told["points"]] == [1, 4]
    assert told["best"]["elbo"] == max(point["elbo"] for point in told["points"])
    page = (out / "report.html").read_text()
    assert "Rate against distortion" in page
    assert command(asked) == 0
    assert "beta=" not in capsys.readouterr().err.replace("--vary beta=1,4", "")  # nothing anew
    assert command([*asked, "--trials", "3"]) == 2
    assert "combinations" in capsys.readouterr().err


def test_the_page_shows_groups_by_the_first_argument(tmp_path: Path) -> None:
    points = [
        Point({"latent": latent, "beta": beta}, "done", latent, 9.0 / beta)
        for latent in (2, 4)
        for beta in (1, 4)
    ]
    found = Sweep(tmp_path, {}, GRID, points)
    assert [name for name, _ in picture(found)] == ["Rate against distortion of validation rows"]
    assert picture(found)[0][1][1:4] == b"PNG"
    assert len(table(found)) == 5
