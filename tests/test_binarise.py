"""Grey levels shown as zeros and ones: what is drawn anew, what once, and what is saved."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor

from test_interrupt import FROM_A_STEP, interrupted, same
from test_replay import computed_anew
from variata import fit, load
from variata.batch import Batch
from variata.cli.app import run
from variata.cli.opening import read_options
from variata.data import Examples, binarised, draw, infer_schema, redrawn
from variata.data.lazy import LazyCodes
from variata.doctor.commands import option
from variata.errors import DataError, StoreError, UsageError
from variata.noise import Place, placed
from variata.tasks.comparison.compare import compare
from variata.tasks.evaluate import evaluate
from variata.tasks.model import Model
from variata.tasks.plan import compose
from variata.tasks.source import BINARISED, DataOptions, Prepared, prepare_data, reopened
from variata.tasks.train import resume
from variata.training import Settings, replay
from variata.training.clock import Clock
from variata.training.loop import Loop
from variata.training.machine import EAGER, How

SMALL: dict[str, Any] = {"hidden": (8,), "latent": 2, "threads": 1}
BINARISE = DataOptions(binarise=True)
LEVELS = np.tile(np.arange(256, dtype=np.uint8).reshape(16, 16), (600, 1, 1))


def ready(seed: int = 0) -> Prepared:
    return prepare_data("digits", BINARISE, seed)


def error_of(drawn: Tensor) -> float:
    """The greatest distance of a mean of draws (N, 1, 16, 16) from the grey level, in errors."""
    chance = torch.arange(256).view(1, 16, 16) / 255
    error = (chance * (1 - chance) / len(drawn)).sqrt().clamp_min(1e-9)
    return float(((drawn.mean(0) - chance).abs() / error).max())


def test_draws_have_the_grey_level_as_their_mean() -> None:
    """Of 256 means each, the greatest is within 4.5 standard errors; 0 and 255 are never missed."""
    grey = Examples.of(LEVELS, infer_schema(LEVELS))
    torch.manual_seed(0)
    anew = draw(grey.all())
    once = binarised(grey).all()
    for drawn in (anew.x, once.x):
        assert set(drawn.unique().tolist()) == {0.0, 1.0}
        assert error_of(drawn) < 4.5
    assert anew.seen is anew.x
    apart = (anew.x != once.x).float().mean()
    p = torch.arange(256) / 255
    assert float(apart) == pytest.approx(float((2 * p * (1 - p)).mean()), abs=0.01)


def test_what_is_drawn_once_belongs_to_the_row() -> None:
    whole = binarised(Examples.of(LEVELS, infer_schema(LEVELS)))
    x, rows = whole.all().x, torch.tensor([500, 3, 3, 41])
    assert torch.equal(whole.gather(rows).x, x[rows])
    assert torch.equal(whole.subset(rows).all().x, x[rows])
    assert torch.equal(whole.subset(torch.arange(100, 200)).gather(torch.tensor([7])).x, x[107:108])
    assert not torch.equal(x[0], x[1])  # the same picture
    assert whole.gather(torch.arange(0)).x.shape == (0, 1, 16, 16)
    lazy = replace(whole, codes=replace(whole.codes, grey=LazyCodes(LEVELS, infer_schema(LEVELS))))
    assert torch.equal(lazy.gather(rows).x, x[rows])
    assert lazy.fingerprint() == whole.fingerprint()


def test_parts_are_drawn_once_whatever_the_seed_and_training_rows_stay_bytes() -> None:
    known, again = ready(), reopened(ready().record)
    for one, two in zip(known.splits, again, strict=True):
        assert torch.equal(one.all().x, two.all().x)
        assert set(one.all().x.unique().tolist()) == {0.0, 1.0}
    grey = prepare_data("digits", DataOptions(), 0).splits.train
    learnt = redrawn(known.splits.train)
    assert isinstance(learnt.codes, Tensor)
    assert learnt.codes.dtype == torch.uint8
    assert torch.equal(learnt.all().x, grey.all().x)
    assert redrawn(grey) is grey
    assert not torch.equal(ready(1).splits.test.all().x, known.splits.test.all().x)  # other rows
    whole = [torch.cat([part.all().x for part in ready(seed).splits]) for seed in (0, 1)]
    assert torch.equal(*(x.flatten(1).unique(dim=0) for x in whole))  # with the same draws


def loop_of(prepared: Prepared, how: How = EAGER) -> Loop:
    made = compose("vae", prepared, {"hidden": (8,), "latent": 2}, Settings())
    device = torch.device("cpu")
    return Loop(made.model, made.phases, Settings(), Clock(10), device, 0.0, how)


def seen(loop: Loop, step: int, rows: Tensor, place: Place | None = None) -> Batch:
    """What a step of the last phase is shown of digits."""
    moment = replace(loop.clock.moment(10), step=step)
    place = place or Place(0, len(rows), len(rows))
    learnt = redrawn(ready().splits.train)
    return loop.stepper._seen(learnt.gather(rows), loop.phases[-1], moment, place)


def test_steps_are_shown_other_draws_and_the_same_step_the_same() -> None:
    loop, rows = loop_of(ready()), torch.arange(40)
    first = seen(loop, 1, rows)
    assert torch.equal(first.x, seen(loop_of(ready()), 1, rows).x)
    assert not torch.equal(first.x, seen(loop, 2, rows).x)
    part = seen(loop, 1, rows[16:30], Place(16, 30, 40))
    assert torch.equal(part.x, first.x[16:30])


def test_draws_come_before_other_views() -> None:
    prepared, x = ready(), torch.full((32, 1, 8, 8), 0.5)
    made = compose("vae", prepared, {"hidden": (8,), "latent": 2}, Settings(corrupt={"mask": 1.0}))
    for phase in made.phases:
        assert phase.view is not None
        batch = phase.view(Batch(x, x))
        assert set(batch.x.unique().tolist()) == {0.0, 1.0}
        assert not batch.seen.any()
        with placed(Place(0, 16, 32)):
            assert len(phase.view(Batch(x[:16], x[:16])).x) == 16


def test_a_resumed_training_has_the_same_bits_and_is_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    asked = SMALL | {"binarise": True, "epochs": 6}

    def work() -> Model:
        return fit("digits", save_every=1e-9, out=folder, **asked)

    interrupted(monkeypatch, FROM_A_STEP["validating"], signal.SIGTERM, 2, work)
    plan = (folder / "training.json").read_text()
    edited = json.loads(plan)
    edited["data"]["options"]["binarise"] = False
    (folder / "training.json").write_text(json.dumps(edited))
    with pytest.raises(StoreError, match=r"data\.options\.binarise from True to False"):
        resume(folder)
    (folder / "training.json").write_text(plan)
    assert same(resume(folder), fit("digits", **asked))


def test_replayed_steps_are_shown_the_same_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "captured", computed_anew)
    found: list[list[Tensor]] = []
    for replayed in (False, True):
        how = replace(EAGER, batch_size=20, replayed=replayed)
        loop, learnt = loop_of(ready(), how), redrawn(ready().splits.train)
        loop.stepper.waits, loop.stepper.replays.wanted = False, replayed
        for step in range(8):
            loop.advance(learnt, torch.arange(20 * step, 20 * step + 20))
            loop.tick()
        assert bool(loop.stepper.replays.recorded) == replayed
        loop.close()
        found.append([p.detach() for p in loop.model.parameters()])
    for one, two in zip(*found, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-4)


OWN: dict[str, dict[str, Any]] = {
    "vae": {},
    "autoregressive": {"width": 8},
    "flow_prior": {},
    "pca_gaussian": {},
}


@pytest.mark.parametrize("recipe", OWN)
def test_models_of_binarised_digits_know_binary_rows(recipe: str, tmp_path: Path) -> None:
    own = OWN[recipe] if recipe in {"autoregressive", "pca_gaussian"} else SMALL
    made = fit("digits", recipe, binarise=True, epochs=1, out=tmp_path / "run", **own)
    model = load(tmp_path / "run")
    assert model.schema.likelihood == "bernoulli"
    assert BINARISED in model.saved.about["training"]["notes"]
    drawn = model.sample(4)
    assert drawn.shape == (4, 8, 8)
    assert set(np.unique(drawn)) <= {0, 1}
    rows = (load_digits().images[:5] > 8).astype(np.uint8)
    np.testing.assert_allclose(model.score(rows), made.score(rows), rtol=1e-6)
    test = reopened(model.saved.about["data"]).test
    figures = evaluate(model, k=2, samples=False).figures
    assert figures["nll"]["rows"] == len(test)
    assert 0 < figures["bits_per_dim"] < 2
    with pytest.raises(DataError, match="only the values 0 and 1"):
        model.score("digits")


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (np.eye(8)[np.arange(40) % 8], "binary already"),
        (np.random.default_rng(0).normal(size=(40, 3)), "real numbers, 3 columns"),
        (np.random.default_rng(0).random((40, 5, 5)), "real-valued images"),
        (np.random.default_rng(0).poisson(2.0, (40, 3)), "count vectors"),
    ],
)
def test_other_data_is_refused(data: np.ndarray, wanted: str) -> None:
    with pytest.raises(DataError, match=f"Only grey levels can be binarised.*{wanted}"):
        fit(data, binarise=True, epochs=1)


def test_other_likelihoods_are_refused() -> None:
    assert prepare_data("digits", replace(BINARISE, likelihood="bernoulli"), 0).schema.levels == 2
    for likelihood in ("logistic", "gaussian"):
        with pytest.raises(UsageError, match=f"leave '{likelihood}' or --binarise out"):
            prepare_data("digits", replace(BINARISE, likelihood=likelihood), 0)


def test_the_command_line_and_configuration_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "asked.yaml"
    config.write_text("data: digits\nbinarise: true\nepochs: 1\nlatent: 2\nhidden: [8]\n")
    small = ["digits", "--binarise", "--epochs", "1", "--latent", "2", "--hidden", "8"]
    for name, given in (("flag", small), ("file", ["--config", str(config)])):
        assert run(["train", *given, "--out", str(tmp_path / name)]) == 0
        assert load(tmp_path / name).schema.kind == "binary"
    assert run(["train", "--resume", str(tmp_path / "flag"), "--binarise"]) == 2
    assert "(binarise)" in capsys.readouterr().err
    assert read_options(None, None, None, None, binarise=True) == BINARISE
    assert option("binarise", True) == ["--binarise"]  # as the doctor proposes it


def test_comparisons_measure_on_rows_that_are_drawn_once(tmp_path: Path) -> None:
    asked: dict[str, Any] = {"epochs": 1, "seeds": (0,), "rows": 100, "k": 2, "out": tmp_path}
    found = compare("digits", ["vae:latent=2:hidden=8"], options=BINARISE, **asked)
    assert found.about["described"].startswith("binary images")
    assert torch.equal(found.test.all().x, ready().splits.test.all().x)
    (row,) = found.rows
    assert 0 < row.figures["bits_per_dim"]["mean"] < 2
