"""Anomaly detection: closed forms, scores that never move, and explanations that name the cause."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn

from variata import Detector, fit, load, recipes
from variata.cli.app import run
from variata.data import Examples, infer_schema
from variata.errors import DataError, ShapeError, UsageError
from variata.store import Saved
from variata.tasks.detection.calibration import Calibration
from variata.tasks.detection.evidence import Evidence
from variata.tasks.detection.local import Latents, surprise
from variata.tasks.detection.parts import Reference, parts
from variata.tasks.detection.run import detector_of
from variata.tasks.detection.surprise import conditional
from variata.tasks.detection.tails import Tails
from variata.tasks.detection.told import strongest
from variata.tasks.model import Model

FAST = Detector(epochs=2)


@pytest.fixture(scope="module")
def detector(table: np.ndarray) -> Detector:
    return Detector(epochs=40).fit(table)


@pytest.fixture(scope="module")
def strange(table: np.ndarray) -> np.ndarray:
    """The first rows, of which the first five have a third column that does not belong to them."""
    rows = table[:30].copy()
    rows[:5, 2] += 8 * table[:, 2].std()
    return rows


@parametrize_with_checks([FAST])
def test_scikit_learn_checks(estimator: Detector, check) -> None:  # type: ignore[no-untyped-def]
    check(estimator)


def test_conditionals_are_those_of_the_gaussian() -> None:
    random = torch.Generator().manual_seed(0)
    slope = torch.randn(5, 2, generator=random, dtype=torch.float64)
    half = torch.randn(2, 2, generator=random, dtype=torch.float64)
    noise = torch.rand(5, generator=random, dtype=torch.float64) + 0.1
    mean, x = torch.randn(2, 5, generator=random, dtype=torch.float64)
    prior = half @ half.T + torch.eye(2, dtype=torch.float64)
    found = conditional(x[None], mean[None], slope[None], noise[None], prior)
    covariance = slope @ prior @ slope.T + torch.diag(noise)
    for d in range(5):
        rest = [i for i in range(5) if i != d]
        gain = covariance[d, rest] @ torch.linalg.inv(covariance[rest][:, rest])
        expected = mean[d] + gain @ (x - mean)[rest]
        variance = covariance[d, d] - gain @ covariance[rest, d]
        torch.testing.assert_close(found.expected[0, d], expected)
        torch.testing.assert_close(found.scale[0, d], variance.sqrt())
        torch.testing.assert_close(found.nats[0, d], (x[d] - expected) ** 2 / variance / 2)


def test_surprise_is_exact_on_a_linear_model() -> None:
    values = np.random.default_rng(0).normal(size=(50, 4)) * [1, 10, 0.1, 3]
    schema = infer_schema(values)
    encoder, decoder = nn.Linear(4, 2), nn.Linear(2, 4)
    made = recipes.vae(shape=(4,), latent=2, encoder=encoder, decoder=decoder)
    model = Model(Saved(made.model.double(), "vae", made.arguments or {}, schema))
    latents = Latents(torch.zeros(2).double(), torch.eye(2).double(), torch.zeros(4))
    examples = Examples.of(values, schema)
    found = surprise(model, examples, latents)
    x = examples.gather(torch.arange(50)).x.double()
    mean, slope = decoder.bias.detach(), decoder.weight.detach()
    noise = made.model.decoder.head.scale().detach().square().double()  # type: ignore[union-attr,operator]
    many = (len(x), 1)
    exact = conditional(
        x, mean.repeat(many), slope.repeat(50, 1, 1), noise.repeat(many), torch.eye(2).double()
    )
    torch.testing.assert_close(found.nats, exact.nats, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(found.expected, exact.expected, rtol=1e-6, atol=1e-9)


def test_moments_of_latents_are_those_of_the_aggregate_posterior() -> None:
    z = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    found = Latents.of(Evidence(z, torch.full((2, 2), 0.5), torch.tensor([[0.0, 2.0], [1.0, 4.0]])))
    torch.testing.assert_close(found.covariance, torch.tensor([[1.25, 0.0], [0.0, 0.25]]))
    torch.testing.assert_close(found.left, torch.tensor([0.5, 3.0]))


def test_neighbours_are_measured_in_posterior_widths() -> None:
    known = Evidence(torch.zeros(6, 2), torch.tensor([[0.5, 2.0]]).expand(6, 2), torch.ones(6, 3))
    new = Evidence(torch.tensor([[1.0, 4.0]]), torch.ones(1, 2), torch.tensor([[4.0, 0.0, 2.0]]))
    found = parts(new, None, Reference.of(known), 3)
    assert found["neighbours"].item() == pytest.approx((2**2 + 2**2 + 6) / 2)
    assert found["error"].item() == pytest.approx(2)
    assert set(found) == {"neighbours", "crowd", "error"}


def test_points_have_the_spread_of_latents_as_their_unit() -> None:
    known = Evidence(torch.tensor([[0.0], [4.0]]), torch.zeros(2, 1), torch.ones(2, 1))
    torch.testing.assert_close(Reference.of(known).unit, torch.tensor([2.0]))


@pytest.mark.parametrize("same", [torch.ones(9), torch.cat([torch.zeros(9), torch.ones(1)])])
def test_calibration_by_equal_rows_is_finite(same: torch.Tensor) -> None:
    assert torch.isfinite(
        Calibration.of(same.double())(torch.tensor([0.0, 1.0, 1e30]).double())
    ).all()


def test_strange_rows_score_higher_and_the_column_is_named(
    detector: Detector, strange: np.ndarray
) -> None:
    scores = detector.decision_function(strange)
    assert scores[:5].min() > scores[5:].max()
    assert detector.predict(strange)[:5].tolist() == [1] * 5
    told = detector.explain(strange)
    assert (told.nats[:5].argmax(1) == 2).all()
    np.testing.assert_allclose(told.expected + told.difference, strange, rtol=1e-5)
    assert told.first(0)[0]["column"] == "[2]"


def test_scores_are_the_same_at_every_call_and_in_any_company(
    detector: Detector, strange: np.ndarray
) -> None:
    scores = detector.decision_function(strange)
    assert (scores == detector.decision_function(strange)).all()
    np.testing.assert_allclose(detector.decision_function(strange[3:5]), scores[3:5], rtol=1e-9)
    np.testing.assert_allclose(detector.decision_function(strange[::-1]), scores[::-1], rtol=1e-9)


def test_the_same_seed_gives_the_same_detector(table: np.ndarray) -> None:
    first, second = (clone(FAST).fit(table[:60]) for _ in range(2))
    assert (first.decision_scores_ == second.decision_scores_).all()


def test_the_random_state_of_the_caller_is_left_alone(table: np.ndarray) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    clone(FAST).fit(table[:40]).decision_function(table[:2])
    assert (torch.get_rng_state() == before).all()


def test_threshold_labels_and_probabilities_agree(detector: Detector, table: np.ndarray) -> None:
    assert detector.labels_.mean() == pytest.approx(0.1, abs=0.01)
    assert (detector.labels_ == (detector.decision_scores_ > detector.threshold_)).all()
    probabilities = detector.predict_proba(table)
    np.testing.assert_allclose(probabilities.sum(1), 1)
    order = np.argsort(detector.decision_function(table))
    assert (np.diff(probabilities[order, 1]) >= 0).all()
    sure = np.abs(probabilities[:, 1] - 0.5) > 0.02
    assert ((probabilities[:, 1] > 0.5) == detector.predict(table))[sure].all()


def test_pipelines_and_parameters(table: np.ndarray) -> None:
    assert clone(Detector(contamination=0.2)).get_params()["contamination"] == 0.2
    pipeline = make_pipeline(StandardScaler(), clone(FAST)).fit(table[:60])
    assert set(pipeline.predict(table[:20])) <= {0, 1}


def test_frames_are_explained_by_name(table: np.ndarray) -> None:
    frame = pd.DataFrame(table[:60], columns=["a", "b", "c", "d"])
    told = clone(FAST).fit(frame).explain(frame[:3])
    assert {record["column"] for record in told.first(0, 4)} == {"a", "b", "c", "d"}


def test_columns_that_never_vary_and_values_never_seen(table: np.ndarray) -> None:
    rows = np.column_stack([table[:60], np.ones(60), np.arange(60) % 2])
    detector = clone(FAST).fit(rows)
    other = rows[:2].copy()
    other[0, 4], other[1, 5] = 3.0, 7.0
    known = detector.decision_function(rows[:2])
    assert (detector.decision_function(other) > known).all()


def test_bad_input_is_a_sentence(table: np.ndarray, detector: Detector) -> None:
    with pytest.raises(UsageError, match="contamination must be above 0"):
        Detector(contamination=0.7, epochs=1).fit(table[:40])
    with pytest.raises(DataError, match="at least 8 rows"):
        clone(FAST).fit(table[:5])
    with pytest.raises(ValueError, match="3 features"):
        detector.predict(table[:, :3])


def test_autoencoders_and_codes_have_no_likelihood_part(table: np.ndarray) -> None:
    for recipe, names in (("ae", {"neighbours", "crowd", "error"}), ("vae", None)):
        model = fit(table, recipe, latent=2, hidden=(8,), epochs=2)
        found = detector_of(model, table).parts(table[:4])
        assert set(found) == (names or {"neighbours", "crowd", "error", "likelihood"})
        assert all(np.isfinite(value).all() for value in found.values())


def test_runs_detect_what_is_not_a_digit(digits_run: Path) -> None:
    detector = detector_of(load(digits_run))
    noise = np.random.default_rng(0).integers(0, 17, (20, 8, 8))
    assert detector.predict(noise).mean() == 1
    with pytest.raises(ShapeError, match="Expected an array"):
        detector.predict(np.zeros((2, 9, 9)))
    assert detector.explain(noise[:2]).nats.shape == (2, 8, 8)


def test_detectors_of_models_in_memory_ask_for_rows(table: np.ndarray, table_model: Model) -> None:
    with pytest.raises(DataError, match="given in memory"):
        detector_of(table_model)
    assert detector_of(table_model, table).decision_scores_.shape == (80,)


def test_command_line_by_data(table_csv: Path, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / "scores.csv"
    assert run(["detect", str(table_csv), "--explain", "-n", "3", "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["rows"] == 400
    assert told["anomalies"] == 40
    assert all(r["surprising"][0]["column"] in "abcd" for r in told["most_unusual"])
    rows = list(csv.DictReader(out.read_text().splitlines()))
    best = max(rows, key=lambda row: float(row["score"]))
    assert int(best["row"]) == told["most_unusual"][0]["row"]
    assert best["column_1"] == told["most_unusual"][0]["surprising"][0]["column"]


def test_command_line_by_run(digits_run: Path, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    rows, out = tmp_path / "noise.npy", tmp_path / "heat.png"
    np.save(rows, np.random.default_rng(0).integers(0, 17, (5, 8, 8)))
    assert run(["detect", str(digits_run), str(rows), "--explain", "-n", "2", "-o", str(out)]) == 0
    assert out.read_bytes()[1:4] == b"PNG"
    assert "expected" in capsys.readouterr().out
    for flags, said in (
        (["--out", "x.txt"], "must end in"),
        (["--label", "a"], "for DATA"),
        (["--contamination", "2"], "at most 0.5"),
        (["--out", str(rows)], "would be lost"),
    ):
        assert run(["detect", str(digits_run), str(rows), *flags]) == 2
        assert said in capsys.readouterr().err
    wrong = tmp_path / "wrong.npy"
    np.save(wrong, np.zeros((3, 7)))
    assert run(["detect", str(digits_run), str(wrong)]) == 3


@pytest.mark.parametrize("recipe", ["flow", "gan"])
def test_models_that_do_not_encode_are_refused(recipe: str, table: np.ndarray) -> None:
    with pytest.raises(UsageError, match="cannot detect"):
        detector_of(fit(table, recipe, epochs=1), table)


def test_too_few_usual_rows_are_refused(table: np.ndarray, table_model: Model) -> None:
    with pytest.raises(DataError, match="At least 8 usual rows"):
        detector_of(table_model, table[:3])


def test_labels_are_left_out_of_both_files(tmp_path: Path, table: np.ndarray) -> None:
    paths = [tmp_path / name for name in ("known.csv", "judged.csv")]
    for path, rows in zip(paths, (table[:60], table[60:70]), strict=True):
        lines = [",".join([*map(str, row), "y"]) for row in rows]
        path.write_text("\n".join(["a,b,c,d,kind", *lines]))
    assert run(["detect", *map(str, paths), "--label", "kind", "--json"]) == 0


def test_colours_do_not_cancel() -> None:
    values = np.array([[[[2.0]], [[-3.0]], [[0.5]]]])
    assert strongest(values, 1).tolist() == [[[-3.0]]]


def test_ranks_of_residuals_are_two_sided_conformal_p_values() -> None:
    random = torch.Generator().manual_seed(0)
    held = torch.randn(999, 3, generator=random).double() * torch.tensor([1.0, 5.0, 0.0])
    tails = Tails.of(held)
    new = torch.randn(20_000, 3, generator=random).double() * torch.tensor([1.0, 5.0, 0.01])
    p = (-tails.nats(new)).exp()
    assert p[:, :2].min() >= 1 / 1_000 - 1e-12
    assert p.max() <= 1
    for level in (0.1, 0.3, 0.6):  # whatever the scale: no more alarms than told, but for chance
        assert ((p[:, :2] <= level).double().mean(0) < level + 0.05).all()
    assert (p[:, 2] == 1).all()  # a tenth of a scale is nothing
    far = torch.full((1, 3), 1e6).double()
    torch.testing.assert_close(tails.nats(far), torch.full((1, 3), np.log(1_000.0)).double())
    torch.testing.assert_close(tails.nats(-far), tails.nats(far))


def test_a_column_with_heavy_tails_is_not_blamed_for_what_it_often_does() -> None:
    """A Gaussian blames the second of the columns, which is a little farther out."""
    random = np.random.default_rng(0)
    x = np.c_[random.normal(size=2_000), random.standard_t(3, size=2_000) / np.sqrt(3)]
    detector = Detector(epochs=3).fit(x)
    rows = [[4.0, 0.0], [0.0, 4.0], [4.0, 4.2]]
    examples = detector.examples(rows)
    by_gaussian = sum(judge.surprise(examples).nats for judge in detector.judges_)
    assert by_gaussian.argmax(1).tolist() == [0, 1, 1]
    assert detector.explain(rows).nats.argmax(1).tolist() == [0, 1, 0]
