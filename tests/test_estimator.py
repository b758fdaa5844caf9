"""The scikit-learn contract."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from variata import VAE
from variata.errors import ShapeError, UsageError, VariataError

FAST: dict[str, Any] = {"latent": 2, "hidden": (8,), "epochs": 2, "random_state": 0}
EXPECTED_FAILURES: dict[str, str] = {}


def expected_failures(estimator: VAE) -> dict[str, str]:
    return EXPECTED_FAILURES


@parametrize_with_checks([VAE(**FAST)], expected_failed_checks=expected_failures)
def test_scikit_learn_checks(estimator: VAE, check: Any) -> None:
    check(estimator)


def test_parameters_of_recipes_survive_clone_and_set_params() -> None:
    estimator = VAE(recipe="beta_vae", beta=4.0, hidden=(8,))
    copied = clone(estimator)
    assert copied.get_params() == estimator.get_params()
    assert copied.set_params(beta=2.0, lr=1e-3).get_params()["beta"] == 2.0
    assert copied.get_params()["lr"] == 1e-3
    assert estimator.get_params()["beta"] == 4.0
    assert "beta=4.0" in repr(estimator)


def test_unknown_parameters_are_errors_with_a_hint() -> None:
    with pytest.raises(UsageError, match="Did you mean 'beta'"):
        VAE(betta=4.0).fit(np.random.default_rng(0).normal(size=(20, 2)))
    with pytest.raises(UsageError, match="Unknown recipe 'vea'"):
        VAE(recipe="vea").fit(np.random.default_rng(0).normal(size=(20, 2)))


def test_grid_search_over_recipe_arguments(table: np.ndarray) -> None:
    search = GridSearchCV(VAE(recipe="beta_vae", **FAST), {"beta": [1.0, 50.0]}, cv=2)
    search.fit(table)
    assert set(search.cv_results_["param_beta"]) == {1.0, 50.0}
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_pipelines(table: np.ndarray) -> None:
    labels = (table[:, 0] > 0).astype(int)
    pipeline = make_pipeline(StandardScaler(), VAE(**FAST), LogisticRegression())
    assert pipeline.fit(table, labels).predict(table).shape == (400,)
    pipeline.set_params(vae__beta=3.0, vae__recipe="beta_vae")
    assert pipeline.fit(table, labels).predict(table).shape == (400,)


def test_values_come_back_in_their_own_units(table: np.ndarray) -> None:
    estimator = VAE(latent=3, hidden=(64,), epochs=150, batch_size=32, random_state=0).fit(table)
    rebuilt = estimator.inverse_transform(estimator.transform(table))
    np.testing.assert_allclose(rebuilt, estimator.reconstruct(table))
    explained = 1 - ((rebuilt - table) ** 2).mean(0) / table.var(0)
    assert (explained > 0.5).all()
    sampled = estimator.sample(2_000, random_state=0)
    assert (abs(sampled.mean(0) - table.mean(0)) < 0.5 * table.std(0)).all()
    assert (abs(np.log(sampled.std(0) / table.std(0))) < 0.35).all()


def test_scores_are_densities_in_own_units(table: np.ndarray) -> None:
    estimator = VAE(**FAST).fit(table)
    scaled = VAE(**FAST).fit(table * 1000.0)
    difference = estimator.score(table) - scaled.score(table * 1000.0)
    assert difference == pytest.approx(4 * np.log(1000.0), abs=1e-3)
    np.testing.assert_array_equal(estimator.score_samples(table), estimator.score_samples(table))


def test_rows_do_not_see_each_other(table: np.ndarray) -> None:
    estimator = VAE(**FAST).fit(table)
    whole = estimator.score_samples(table)
    np.testing.assert_allclose(estimator.score_samples(table[50:60]), whole[50:60], rtol=1e-9)
    np.testing.assert_allclose(estimator.transform(table[7:8]), estimator.transform(table)[7:8])


def test_frames_keep_their_names(table: np.ndarray) -> None:
    frame = pd.DataFrame(table, columns=list("abcd"))
    estimator = VAE(**FAST).fit(frame).set_output(transform="pandas")
    assert list(estimator.transform(frame).columns) == ["vae0", "vae1"]
    assert list(estimator.feature_names_in_) == list("abcd")


def test_images_are_taken_as_they_are() -> None:
    images = np.random.default_rng(0).integers(0, 256, size=(40, 9, 7, 3)).astype(np.uint8)
    estimator = VAE(**FAST).fit(images)
    assert estimator.transform(images).shape == (40, 2)
    assert estimator.sample(5).shape == (5, 9, 7, 3)
    assert estimator.sample(5).dtype == np.uint8
    with pytest.raises(ShapeError, match=r"\(N, 9, 7, 3\)|9, 7, 3"):
        estimator.transform(images[:, :8])


def test_every_verb_wants_a_fitted_estimator() -> None:
    estimator = VAE(**FAST)
    for verb in (estimator.transform, estimator.score_samples, estimator.reconstruct):
        with pytest.raises(NotFittedError):
            verb(np.zeros((3, 2)))
    with pytest.raises(NotFittedError):
        estimator.sample(1)


def test_errors_are_value_errors_too() -> None:
    with pytest.raises(ValueError, match="NaN"):
        VAE(**FAST).fit(np.array([[1.0, np.nan], [1.0, 2.0]]))
    assert issubclass(UsageError, VariataError)
    assert issubclass(UsageError, ValueError)
