"""Two-sample tests and typicality: p-values uniform where nothing differs, else small."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import kstest
from torch import Tensor

from variata import fit, load
from variata.cli.app import run
from variata.errors import DataError, NoDensityError, ShapeError, UsageError
from variata.metrics import (
    Verdict,
    classifier_test,
    likelihood_test,
    mmd_imq,
    mmd_test,
    typicality,
)
from variata.tasks.goodness import goodness_of_fit

Test = Callable[[Tensor, Tensor, int], Verdict]
TESTS: dict[str, Test] = {
    "MMD": lambda a, b, seed: mmd_test(a, b, permutations=99, seed=seed),
    "classifier": lambda a, b, seed: classifier_test(a, b, seed, trees=10),
    "likelihood": lambda a, b, seed: likelihood_test(a[:, 0], b[:, 0]),
}


def samples(seed: int, n: int = 60) -> Tensor:
    return torch.randn(2, n, 3, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", TESTS)
def test_p_values_are_uniform_where_nothing_differs(name: str) -> None:
    """200 of them: no share below a level is off by more than chance allows once in 10,000."""
    found = [TESTS[name](*samples(seed), seed).p_value for seed in range(200)]
    assert kstest(found, "uniform").pvalue > 1e-4
    for level in (0.05, 0.2):
        allowed = level + 3.7 * (level * (1 - level) / 200) ** 0.5
        assert np.mean(np.asarray(found) <= level) <= allowed


@pytest.mark.parametrize("name", TESTS)
def test_p_values_are_small_under_a_shift(name: str) -> None:
    for seed in range(5):
        a, b = samples(seed)
        assert TESTS[name](a, b + 1.5, seed).p_value < 0.02


def test_other_spreads_and_dependences_are_seen() -> None:
    a, b = samples(0, 300)
    tied = torch.stack([b[:, 0], b[:, 0], b[:, 2]], 1)  # the same margins
    assert mmd_test(a, 2 * b).p_value < 0.01
    assert mmd_test(a, tied).p_value < 0.01
    assert classifier_test(a, tied).p_value < 0.01


def test_the_statistic_is_the_squared_mmd() -> None:
    a, b = samples(1)[0], samples(1)[1][:40] + 0.3
    width = float(torch.cdist(torch.cat([a, b]), torch.cat([a, b])).double().square().median())
    assert mmd_test(a, b).statistic == pytest.approx(mmd_imq(a, b, width), rel=1e-4)


def test_typicality_is_the_two_sided_rank() -> None:
    p = typicality([0.0, 50.0, 99.0, -1.0, 200.0, 9.5], torch.arange(100.0))
    expected = [2 * 2 / 101, 1.0, 2 * 2 / 101, 2 / 101, 2 / 101, 22 / 101]
    np.testing.assert_allclose(p.numpy(), expected)


def test_typicality_is_uniform_for_exchangeable_scores() -> None:
    draw = torch.Generator().manual_seed(0)
    p = torch.cat([typicality(*torch.randn(2, 200, generator=draw)) for _ in range(30)])
    for level in (0.01, 0.05, 0.2, 0.5):
        share = float((p <= level).double().mean())
        assert share == pytest.approx(level, abs=0.012 + 0.15 * level)  # 30 references of 200 rows


def test_what_cannot_be_tested() -> None:
    a, b = samples(0)
    with pytest.raises(ShapeError):
        mmd_test(a, b[:, :2])
    with pytest.raises(DataError, match="at least 4"):
        classifier_test(a, b[:3])
    with pytest.raises(DataError, match="finite"):
        mmd_test(a, b * torch.nan)


def test_a_run_is_like_its_data_and_other_data_are_not(digits_run: Path) -> None:
    model = load(digits_run)
    same = goodness_of_fit(model, rows=150)
    assert same.rows == (150, 150)
    assert min(test.p_value for test in same.tests) > 0.005
    upside_down = model.schema.decode(same_rows(digits_run), round=True)[:, ::-1]
    other = goodness_of_fit(model, upside_down, rows=150)
    assert all(test.p_value < 0.01 for test in other.tests)
    drawn = goodness_of_fit(model, model.sample(150, seed=9), against="model", rows=150)
    assert min(test.p_value for test in drawn.tests) > 0.005
    assert goodness_of_fit(model, rows=150) == same


def same_rows(folder: Path) -> Tensor:
    from variata.tasks.source import reopened

    test = reopened(load(folder).saved.about["data"]).test
    return test.gather(torch.arange(len(test))).x


def test_far_too_likely_rows_are_not_typical(digits_run: Path) -> None:
    model = load(digits_run)
    simple = np.broadcast_to(model.sample(400, mean=True).mean(0).round(), (5, 8, 8))
    usual = model.typicality(model.schema.decode(same_rows(digits_run), round=True))
    unusual = model.typicality(simple)
    assert np.mean(usual <= 0.05) == pytest.approx(0.05, abs=0.07)
    assert unusual.max() < 0.2
    given = model.typicality(simple, reference="digits")
    assert given.shape == (5,)


def test_models_without_data_or_likelihood(table: np.ndarray) -> None:
    model = fit(table, "ae", latent=2, hidden=(8,), epochs=1)
    with pytest.raises(DataError, match="name the data"):
        goodness_of_fit(model, table)
    found = goodness_of_fit(model, table[:100], reference=table[100:200])
    assert [test.name for test in found.tests] == ["MMD", "classifier"]
    with pytest.raises(NoDensityError):
        model.typicality(table, reference=table)
    with pytest.raises(UsageError, match="8 rows"):
        goodness_of_fit(model, table, rows=3)


def test_command_line(digits_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["goodness-of-fit", str(digits_run), "--rows", "60", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [test["name"] for test in told["tests"]] == ["MMD", "classifier", "likelihood"]
    assert (
        run(["goodness-of-fit", str(digits_run), "digits", "--against", "model", "--rows", "60"])
        == 0
    )
    assert "p-value" in capsys.readouterr().out
    assert run(["goodness-of-fit", str(digits_run), "--against", "nothing"]) == 2
    scores, usual = tmp_path / "s.npy", tmp_path / "t.npy"
    asked = ["score", str(digits_run), "digits", "-o", str(scores), "--json"]
    capsys.readouterr()
    assert run([*asked, "--typicality", str(usual)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert np.load(usual).shape == np.load(scores).shape == (1797,)
    assert told["unusual at 0.01"] == pytest.approx((np.load(usual) <= 0.01).mean())
    assert run([*asked, "--typicality", str(tmp_path / "t.txt")]) == 2


def test_typicality_keeps_its_level_to_the_last_digit() -> None:
    assert bool(typicality([-1.0], torch.arange(39.0)) <= 0.05)


def test_scores_and_typicality_go_to_two_files(digits_run: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "a.npy")
    assert run(["score", str(digits_run), "digits", "-o", out, "--typicality", out]) == 2
