"""VaDE: clusters as components of a prior that is learned with the model."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rows import Rows
from variata import fit, load, recipes
from variata.batch import Batch
from variata.cli.app import run
from variata.conditionals import MixturePrior, responsibilities
from variata.errors import DataError, NoDensityError
from variata.metrics import cluster_agreement
from variata.recipes import mixture_start
from variata.recipes.catalogue import Preparation
from variata.recipes.fitted_mixture import fit_mixture
from variata.schedules import Moment
from variata.tasks.cluster import cluster
from variata.training import Settings
from variata.training.processes import ALONE


def blobs(n: int = 600) -> tuple[np.ndarray, np.ndarray]:
    """Three groups in five columns."""
    random = np.random.default_rng(0)
    y = random.integers(0, 3, n)
    return 4 * random.normal(size=(3, 5))[y] + random.normal(size=(n, 5)), y


def mixture_and_codes() -> tuple[Any, torch.Tensor, Any]:
    """A mixture of scikit-learn's, and a prior that has taken its parameters."""
    from sklearn.mixture import GaussianMixture

    codes = torch.as_tensor(blobs()[0][:, :2])
    found = GaussianMixture(4, covariance_type="diag", random_state=0).fit(codes.numpy())
    prior = MixturePrior(2, 4).double()
    parts = (found.weights_, found.means_, found.covariances_)
    prior.take(*(torch.as_tensor(part) for part in parts))
    return prior, codes, found


def test_responsibilities_and_density_are_those_of_scikit_learn() -> None:
    prior, codes, found = mixture_and_codes()
    with torch.no_grad():
        shares = responsibilities(prior(None), codes)
        density = prior(None).log_prob(codes)
    assert torch.allclose(shares.sum(-1), torch.ones(len(codes), dtype=torch.float64))
    assert np.allclose(shares, found.predict_proba(codes.numpy()), atol=1e-8)
    assert np.allclose(density, found.score_samples(codes.numpy()), atol=1e-8)


def test_a_smaller_mixture_leaves_components_without_weight() -> None:
    prior = MixturePrior(2, 5)
    prior.take(torch.tensor([0.5, 0.5]), torch.zeros(2, 2), torch.ones(2, 2))
    assert prior.weights.softmax(0)[2:].max() < 0.01


def test_a_mixture_is_fitted_to_codes() -> None:
    torch.manual_seed(0)
    model = recipes.vade(shape=(5,), latent=5, hidden=(8,), clusters=3).model
    codes = torch.as_tensor(blobs()[0])
    prior: Any = model.levels[0].prior
    fit_mixture(prior, codes, "diag", 1e-3, seed=0)
    with torch.no_grad():
        found = responsibilities(prior(None), codes.float()).argmax(1)
    assert cluster_agreement(found, blobs()[1]).accuracy > 0.9


@pytest.mark.parametrize("consistency", [0.0, 100.0])
def test_of_several_mixtures_that_of_the_best_bound_goes_on(
    consistency: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the labels and other terms: the start ends with the weights of the best ELBO."""
    tried: list[tuple[float, dict[str, Any]]] = []

    def watched(model: Any, *arguments: Any, **more: Any) -> Any:
        history = learn(model, *arguments, **more)
        kept = [report.valid.get("elbo", 0.0) for report in history.reports if report.best]
        tried.append((kept[-1], copy.deepcopy(model.state_dict())))
        return history

    learn = mixture_start.fit
    monkeypatch.setattr(mixture_start, "fit", watched)
    own: dict[str, Any] = {"latent": 2, "hidden": (8,), "clusters": 3, "restarts": 3}
    if consistency:
        generator = torch.Generator().manual_seed(0)
        rows = Rows(torch.randint(0, 2, (200, 1, 8, 8), generator=generator).float())
        own |= {"shape": (1, 8, 8), "likelihood": "bernoulli", "consistency": consistency}
    else:
        rows, own["shape"] = Rows(torch.as_tensor(blobs(200)[0]).float()), (5,)
    made = recipes.vade(**own)
    how = Preparation(rows, rows, Settings(epochs=12), torch.device("cpu"), ALONE)
    assert made.prepare is not None
    made.prepare(made.model, how)
    trials = tried[1:]  # the first is the autoencoder
    assert len(trials) == 3
    assert len({kept for kept, _ in trials}) > 1
    best = max(trials, key=lambda trial: trial[0])[1]
    for name, value in made.model.state_dict().items():
        assert torch.equal(value, best[name])


def test_there_are_no_more_trials_than_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    epochs = list[int | None]()

    def watched(model: Any, phases: Any, train: Any, valid: Any, settings: Settings, **more: Any):
        epochs.append(settings.epochs)
        return learn(model, phases, train, valid, settings, **more)

    learn = mixture_start.fit
    monkeypatch.setattr(mixture_start, "fit", watched)
    made = recipes.vade(shape=(5,), latent=2, hidden=(8,), clusters=3, restarts=30)
    rows = Rows(torch.as_tensor(blobs(100)[0]).float())
    how = Preparation(rows, rows, Settings(epochs=8), torch.device("cpu"), ALONE)
    assert made.prepare is not None
    made.prepare(made.model, how)
    assert epochs == [4, 1, 1, 1, 1]


def test_views_of_an_image_are_asked_for_the_same_cluster() -> None:
    """The term is the divergence of the responsibilities at posterior means, of sharper ones."""
    torch.manual_seed(0)
    images: dict[str, Any] = {"shape": (1, 8, 8), "likelihood": "bernoulli", "hidden": (8,)}
    made = recipes.vade(**images, latent=2, clusters=3, consistency=5.0)
    _, term = made.phases[0].objective.terms["consistency"]
    x = torch.rand(6, 1, 8, 8).round()
    trace = made.model.observe(Batch(x, x))
    moment = Moment(1, 1.0)
    cost = replace(term, view=lambda same: same)(made.model, trace, moment)  # type: ignore[type-var]
    shares = responsibilities(made.model.levels[0].prior(None), trace.stages[0].q.mean)  # type: ignore[operator, union-attr]
    sharp = shares.square() / shares.square().sum(1, keepdim=True)
    assert torch.allclose(cost, (sharp * (sharp / shares).log()).sum(1), atol=1e-5)


def test_agreement_by_known_cases() -> None:
    classes = np.array([0, 0, 1, 1, 2, 2])
    assert cluster_agreement(classes + 7, classes).accuracy == 1.0
    half = cluster_agreement(np.zeros(6), classes)
    assert (half.accuracy, half.nmi, half.ari) == (pytest.approx(1 / 3), 0.0, 0.0)
    with pytest.raises(DataError, match="only where rows have one"):
        cluster_agreement(classes, np.full(6, -1))


def test_groups_are_found_and_come_back_from_a_file(tmp_path: Path) -> None:
    x, y = blobs()
    model = fit(x, "vade", clusters=3, latent=2, hidden=(32,), epochs=40, restarts=3)
    found = model.cluster(x)
    assert found.agreement is None
    assert np.allclose(found.responsibilities.sum(1), 1, atol=1e-5)
    assert cluster_agreement(found.labels, y).accuracy > 0.9
    model.save(tmp_path / "m")
    again = load(tmp_path / "m").cluster(x)
    assert np.array_equal(again.responsibilities, found.responsibilities)


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    asked = ["train", "digits", "--recipe", "vade", "--latent", "4", "--hidden", "16"]
    assert run([*asked, "--restarts", "1", "--epochs", "3", "-o", str(folder)]) == 0
    capsys.readouterr()
    assert run(["cluster", str(folder), "--json", "-o", str(tmp_path / "p.npy")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found["agreement"]) == {"accuracy", "nmi", "ari"}
    assert np.load(tmp_path / "p.npy").shape == (180, 10)


def test_a_prior_without_components_is_refused() -> None:
    x, _ = blobs(60)
    plain = fit(x, latent=2, hidden=(8,), epochs=1)
    with pytest.raises(NoDensityError, match="no components"):
        cluster(plain, x)


def test_settings_are_divided_without_remainder() -> None:
    first, rest = Settings(epochs=10, budget=100.0).divided(0.3)
    assert (first.epochs, rest.epochs) == (3, 7)
    assert first.budget == pytest.approx(30)
    assert rest.budget == pytest.approx(70)
    assert [part.epochs for part in Settings(epochs=1).divided(0.3)] == [1, 1]
