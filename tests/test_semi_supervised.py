"""M2: a class and a style, of which few rows have a label."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from variata import fit, load, recipes
from variata.batch import Batch
from variata.cli.app import run
from variata.data import Examples, infer_schema
from variata.data.few_labels import keep_labels, labels_shown, without_labels
from variata.data.views import affine
from variata.distributions import OneHot, kl
from variata.errors import DataError, NoDensityError, UsageError
from variata.objectives import ClassBalance, Classification, Consistency, EnumeratedBound
from variata.objectives.enumerated import cost_of_classes
from variata.schedules import Moment
from variata.tasks.classify import classify
from variata.tasks.evaluate import evaluate

CLASSES, ROWS = 3, 5
END = Moment(2**31, 1.0)
PARTS: dict[str, Any] = {"shape": (4,), "latent": 2, "hidden": (8,)}


def made() -> Any:
    torch.manual_seed(0)
    return recipes.m2(**PARTS, classes=CLASSES).model


def rows(y: list[int] | None = None) -> Batch:
    x = torch.randn(ROWS, 4, generator=torch.Generator().manual_seed(1))
    return Batch(x, x, y=None if y is None else torch.tensor(y))


def test_the_unlabelled_bound_is_brute_force_enumeration() -> None:
    """U(x) = E_q(y|x)[L(x, y) + log q(y | x)], one class after the other, with the same noise."""
    model, batch = made(), rows()
    trace = model.observe(batch)
    torch.manual_seed(2)
    bound = EnumeratedBound()(model, trace, END)
    noise = torch.manual_seed(2)
    q, total = trace.stages[0].q, torch.zeros(ROWS)
    eps = torch.randn(1, CLASSES * ROWS, 2, generator=noise).view(CLASSES, ROWS, 2)
    for c in range(CLASSES):
        y = torch.eye(CLASSES)[c].expand(ROWS, -1)
        style = model.levels[1].posterior(y[None], model.encoder(batch.seen))
        z = style.loc[0] + style.scale[0] * eps[c]
        likelihood = model.decoder(torch.cat([z, y], -1)[None])
        cost = -likelihood.log_prob(batch.x)[0] + kl(style, model.levels[1].prior(None))[0]
        cost = cost + np.log(CLASSES)
        total = total + q.probs[:, c] * (cost + q.log_probs[:, c])
    assert torch.allclose(bound, total, atol=1e-4)


def test_the_unlabelled_bound_lies_below_the_exact_marginal_over_classes() -> None:
    model, batch = made(), rows()
    trace = model.observe(batch)
    torch.manual_seed(3)
    costs = cost_of_classes(model, batch, CLASSES)
    torch.manual_seed(3)
    bound = EnumeratedBound()(model, trace, END)
    assert (bound >= -torch.logsumexp(-costs, 1) - 1e-4).all()


def test_known_labels_mask_the_enumeration() -> None:
    """A row with a label pays L(x, y), one without pays U(x); rows do not disturb each other."""
    model, labels = made(), [0, -1, 2, -1, 1]

    def bound(y: list[int] | None) -> Tensor:
        trace = model.observe(rows(y))
        torch.manual_seed(2)
        return EnumeratedBound()(model, trace, END)

    mixed, unknown, known = bound(labels), bound(None), bound([0, 0, 2, 0, 1])
    has = torch.tensor(labels) >= 0
    assert torch.equal(mixed[has], known[has])
    assert torch.equal(mixed[~has], unknown[~has])


def test_all_labels_make_it_the_conditional_elbo_and_the_prior_of_classes() -> None:
    """The whole loss is then -ELBO(x | y) - log p(y) - alpha log q(y | x) + balance."""
    composition = recipes.m2(**PARTS, classes=CLASSES, alpha=7.0, balance=3.0)
    model, batch = composition.model, rows([0, 1, 2, 1, 0])
    y = torch.eye(CLASSES)[batch.y]
    trace = model.observe(batch)
    torch.manual_seed(2)
    loss = composition.phases[0].objective(model, trace, END).total
    noise = torch.randn(1, CLASSES * ROWS, 2, generator=torch.manual_seed(2))
    eps = noise.view(CLASSES, ROWS, 2)[batch.y, torch.arange(ROWS)]  # type: ignore[index]
    style: Any = model.levels[1].posterior(y[None], model.encoder(batch.seen))  # type: ignore[union-attr,operator]
    z = style.loc[0] + style.scale[0] * eps
    conditional = model.observe(batch, given={0: y, 1: z}).distortion()[0]
    conditional = conditional + kl(style, model.levels[1].prior(None))[0]  # type: ignore[union-attr,operator]
    q: Any = trace.stages[0].q
    balance = ClassBalance()(model, trace, END).mean()
    expected = conditional + np.log(CLASSES) - 7.0 * q.log_prob(y)
    assert torch.allclose(loss, expected.mean() + 3.0 * balance, atol=1e-4)


def test_labels_of_minus_one_never_count() -> None:
    model = made()
    trace = model.observe(rows([-1, -1, 1, -1, -1]))
    cost = Classification()(model, trace, END)
    q: Any = trace.stages[0].q
    assert cost.nonzero().flatten().tolist() == [2]
    assert torch.allclose(cost[2], -q.log_probs[2, 1])
    assert Classification()(model, model.observe(rows()), END).sum() == 0


def test_balance_is_a_divergence() -> None:
    model = made()
    trace = model.observe(rows())
    q: Any = trace.stages[0].q
    mean = OneHot(q.probs.mean(0).log()[None])
    expected = kl(mean, model.levels[0].prior(None))
    assert torch.allclose(ClassBalance()(model, trace, END), expected.expand(ROWS), atol=1e-6)


def test_consistency_is_a_divergence_whose_first_side_is_held_fixed() -> None:
    model, batch = made(), rows()
    trace = model.observe(batch)
    assert Consistency(lambda same: same)(model, trace, END).abs().max() < 1e-6
    moved = Batch(batch.x + 1, batch.x + 1)
    cost = Consistency(lambda _: moved)(model, trace, END)
    q: Any = trace.stages[0].q
    other = model.observe(moved).stages[0].q
    assert torch.allclose(cost, kl(q, other), atol=1e-6)
    [both] = torch.autograd.grad(kl(q, other).sum(), [q.scores], retain_graph=True)
    assert both.abs().sum() > 0
    sure = Consistency(lambda _: moved, temperature=1e-3)(model, trace, END)
    assert torch.allclose(sure, -other.log_probs[range(ROWS), q.probs.argmax(1)], atol=1e-3)
    with pytest.raises(RuntimeError, match="not have been used"):
        torch.autograd.grad(cost.sum(), [q.scores])


def test_consistency_is_a_term_of_images() -> None:
    images: dict[str, Any] = {"shape": (1, 8, 8), "latent": 2, "hidden": (8,), "channels": 4}
    terms = [
        list(recipes.m2(**images, classes=3, consistency=w).phases[0].objective.terms)
        for w in (0.0, 1.0)
    ]
    assert set(terms[1]) - set(terms[0]) == {"consistency"}
    with pytest.raises(UsageError, match="those of images"):
        recipes.m2(**PARTS, classes=3, consistency=1.0)


def test_one_hot_draws_with_its_probabilities() -> None:
    torch.manual_seed(0)
    q = OneHot(torch.tensor([[[0.0, 1.0, 2.0]], [[3.0, 0.0, 0.0]]]))
    drawn = q.sample((20_000,))
    assert torch.allclose(drawn.mean(0), q.probs, atol=0.01)
    assert torch.allclose(q.entropy(), -(q.probs * q.log_prob(torch.eye(3)[:, None]).T).sum(1))
    assert kl(q, q).abs().max() < 1e-6


def test_affine_views_stay_on_the_grid() -> None:
    torch.manual_seed(0)
    x = torch.rand(20, 1, 12, 12).round()
    moved = affine(Batch(x, x), levels=2)
    assert moved.seen is moved.x
    assert set(moved.x.unique().tolist()) == {0.0, 1.0}
    assert 0.05 < (moved.x - x).abs().mean() < 0.6


def labelled(count: int = 60) -> Examples:
    values = np.random.default_rng(0).normal(size=(count, 2))
    return Examples.of(values, infer_schema(values), np.arange(count) % 4)


def test_few_labels_are_kept_evenly_and_by_the_seed() -> None:
    kept = [keep_labels(labelled(), 10, seed).labels for seed in (0, 0, 1)]
    counts = torch.bincount(kept[0][kept[0] >= 0])  # type: ignore[index]
    assert counts.tolist() == [3, 3, 2, 2]
    assert torch.equal(kept[0], kept[1])  # type: ignore[arg-type]
    assert not torch.equal(kept[0], kept[2])  # type: ignore[arg-type]
    assert (without_labels(labelled()).labels == -1).all()  # type: ignore[union-attr]
    with pytest.raises(DataError, match="too few for 4 classes"):
        keep_labels(labelled(), 3, 0)


def test_rows_with_labels_are_shown_more_often() -> None:
    few = keep_labels(labelled(1_000), 8, 0)
    shown = labels_shown(few, 0.25)
    share = float((shown.labels >= 0).double().mean())  # type: ignore[union-attr]
    assert share == pytest.approx(0.25, abs=0.01)
    assert int((shown.labels < 0).sum()) == 992  # type: ignore[union-attr]
    with pytest.raises(DataError, match="no row to learn from has one"):
        labels_shown(without_labels(few), 0.25)


@pytest.fixture(scope="module")
def moons() -> tuple[np.ndarray, np.ndarray]:
    """Two half circles."""
    random = np.random.default_rng(0)
    y = random.integers(0, 2, 600)
    t = random.uniform(0, np.pi, 600)
    x = np.stack([np.cos(t), np.sin(t)], 1)
    x[y == 1] = [1, 0.5] - x[y == 1]
    return x + 0.05 * random.normal(size=x.shape), y


def test_few_labels_and_many_rows(moons: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    x, y = moons
    names = np.array(["up", "down"])[y]
    few = np.where(np.random.default_rng(1).random(600) < 0.1, names, "")
    model = fit(x, "m2", label=few, latent=1, hidden=(32,), epochs=40, seed=0)
    found = model.classify(x)
    assert found.accuracy is None
    assert np.allclose(found.probabilities.sum(1), 1, atol=1e-5)
    assert (np.array(found.labels) == names).mean() > 0.85
    model.save(tmp_path / "m")
    again = load(tmp_path / "m")
    assert np.array_equal(again.classify(x).probabilities, found.probabilities)
    z = again.encode(x)
    assert z.shape == (600, 3)
    assert again.decode(z).shape == x.shape
    assert again.score(x[:5], k=4).shape == (5,)
    for name in ("up", "down"):
        drawn = again.sample(300, label=name, seed=1)
        assert drawn.shape == (300, 2)
        assert (np.array(again.classify(drawn).labels) == name).mean() > 0.7  # a half by chance
    with pytest.raises(UsageError, match="no class 'dawn'.*'down'.*Known: "):
        again.sample(2, label="dawn")


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    asked = ["train", "digits", "--recipe", "m2", "--labels", "100", "--augment", "affine"]
    small = ["--latent", "4", "--hidden", "16", "--channels", "4", "--epochs", "2"]
    assert run([*asked, *small, "-o", str(folder)]) == 0
    capsys.readouterr()
    assert run(["classify", str(folder), "--json", "-o", str(tmp_path / "p.npy")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["rows"] == 180
    assert 0 <= found["accuracy"]["mean"] <= 1
    assert np.load(tmp_path / "p.npy").shape == (180, 10)
    sevens = ["sample", str(folder), "-n", "5", "--class", "7", "-o", str(tmp_path / "7.npy")]
    assert run(sevens) == 0
    assert np.load(tmp_path / "7.npy").shape == (5, 8, 8)
    assert run([*sevens[:5], "seven"]) == 2
    assert "no class 'seven'" in capsys.readouterr().err
    assert run(["evaluate", str(folder), "--k", "2"]) == 0
    assert run(["doctor", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "[prior" not in said
    assert evaluate(load(folder), k=2).figures["nll"]["mean"] > 0


def test_labels_say_nothing_to_recipes_that_do_not_learn_from_them() -> None:
    x = np.random.default_rng(0).normal(size=(60, 4))
    label = np.array(["a", "b"])[np.arange(60) % 2]
    model = fit(x, "gumbel_vae", label=label, latent=20, hidden=(8,), epochs=1)
    assert model.saved.arguments["classes"] == 10


def test_what_cannot_be_is_a_sentence(moons: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = moons
    with pytest.raises(UsageError, match="m2 learns from labels, and there are none"):
        fit(x, "m2", epochs=1)
    with pytest.raises(DataError, match="no row to learn from has one"):
        fit(x, "m2", classes=2, epochs=1)
    three = np.arange(len(x)) % 3
    with pytest.raises(UsageError, match="asked for 2 classes, and the labels have 3"):
        fit(x, "m2", label=three, classes=2, epochs=1)
    with pytest.raises(UsageError, match="cannot be conditioned on them"):
        fit("digits", "m2", condition="label", epochs=1)
    with pytest.raises(UsageError, match="those of images"):
        fit(x, "m2", label=y, augment="affine", epochs=1)
    plain = fit(x, latent=1, hidden=(8,), epochs=1)
    with pytest.raises(NoDensityError, match="knows no classes"):
        classify(plain, x)
    with pytest.raises(NoDensityError, match="knows no classes"):
        plain.sample(2, label="0")
