"""Probes: known accuracies of known features, and what is learnt from how many labels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from variata import VAE, fit, load
from variata.cli.app import run
from variata.data.labels import has_classes
from variata.errors import DataError, UsageError
from variata.metrics import read_out
from variata.tasks.probe import Reading, probe


def test_separable_classes_are_read_out_and_noise_is_not() -> None:
    random = np.random.default_rng(0)
    y = random.integers(0, 4, 2_000)
    told, noise = (
        np.eye(4)[y] + 0.05 * random.normal(size=(2_000, 4)),
        random.normal(size=(2_000, 9)),
    )
    assert read_out(told[:40], y[:40], told[40:], y[40:]).mean == 1.0
    chance = read_out(noise[:200], y[:200], noise[200:], y[200:])
    assert chance.se == pytest.approx((0.1875 / 1_800) ** 0.5, rel=0.1)
    assert chance.mean == pytest.approx(0.25, abs=4 * chance.se)


def test_a_read_out_reads_what_is_linear_and_no_more() -> None:
    z = np.random.default_rng(0).normal(size=(800, 3))
    linear, parity = z[:, 0] > z[:, 1], z[:, 0] * z[:, 1] > 0
    assert read_out(z[:400], linear[:400], z[400:], linear[400:]).mean > 0.97
    blind = read_out(z[:400], parity[:400], z[400:], parity[400:])
    assert blind.mean == pytest.approx(0.5, abs=4 * blind.se)


@pytest.mark.parametrize(
    ("labels", "known"),
    [(None, False), ([0, 0], False), ([1, -1], False), ([-1, -1], False), ([0, 1, -1], True)],
)
def test_labels_of_two_classes_can_be_learnt_from(labels: list[int] | None, known: bool) -> None:
    assert has_classes(None if labels is None else torch.tensor(labels)) == known


def test_the_penalty_is_chosen_where_it_matters() -> None:
    """A quarter of the labels is wrong and 60 columns are noise, which a weak penalty learns."""
    random = np.random.default_rng(1)
    y = random.integers(0, 2, 2_000)
    x = np.concatenate([6 * (y - 0.5)[:, None], random.normal(size=(2_000, 60))], 1)
    told = np.where(random.random(100) < 0.25, 1 - y[:100], y[:100])
    loose = LogisticRegression(C=1e3, max_iter=500).fit(x[:100], told).score(x[100:], y[100:])
    assert read_out(x[:100], told, x[100:], y[100:]).mean > loose + 0.2


def test_readings_are_deterministic_and_more_labels_tell_more(digits_run: Path) -> None:
    model = load(digits_run)
    found = probe(model, labels=(10, 200, 10**6), draws=3, seed=1)
    assert {(r.features, r.labels) for r in found.readings} == {
        (name, count) for name in ("latents", "pca", "raw") for count in (10, 200)
    }
    assert found.rows == (1437, 180)
    assert found == probe(model, labels=(10, 200, 10**6), draws=3, seed=1)
    for name in ("latents", "pca", "raw"):
        few, more = found.of(name, 10), found.of(name, 200)
        assert len(few.accuracies) == 3
        assert more.mean > few.mean > 0.2
    other = probe(model, "digits", labels=(50,), draws=1)
    assert other.rows == (899, 898)


def test_means_and_spreads() -> None:
    reading = Reading("raw", 10, (0.5, 0.7))
    assert reading.mean == pytest.approx(0.6)
    assert reading.sd == pytest.approx(0.2 / 2**0.5)
    assert Reading("raw", 10, (0.5,)).sd == 0


def test_what_cannot_be_probed(digits_run: Path, table_csv: Path, tmp_path: Path) -> None:
    model = load(digits_run)
    with pytest.raises(DataError, match="fewer than 5000"):
        probe(model, labels=(5_000,))
    with pytest.raises(DataError, match="too few for 10 classes"):
        probe(model, labels=(3,))
    with pytest.raises(UsageError, match="at least 1"):
        probe(model, labels=(10,), draws=0)
    fit(table_csv, latent=2, hidden=(8,), epochs=1, out=tmp_path / "r")
    with pytest.raises(DataError, match="--label"):
        probe(load(tmp_path / "r"))


def test_command_line(digits_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["probe", str(digits_run), "--labels", "10", "--labels", "100", "--draws", "2"]
    assert run([*asked, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["readings"]) == 6
    assert run(asked) == 0
    assert "accuracy, %" in capsys.readouterr().out


def test_latents_are_features_in_a_pipeline(digits_run: Path) -> None:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    vae = VAE(latent=8, hidden=(32,), epochs=5, random_state=0)
    pipeline = make_pipeline(vae, LogisticRegression(max_iter=1_000)).fit(x[:1_500], y[:1_500])
    assert pipeline.score(x[1_500:], y[1_500:]) > 0.7
