"""Models that are no VAE: what they can do, what they refuse, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from compiled import NEEDS_COMPILER
from rows import Rows
from test_recipes import OWN, compose, values
from untrained import IMAGES, untrained
from variata import fit, recipes
from variata.batch import Batch
from variata.cli.evaluate import rows_of
from variata.conditionals import PointHead
from variata.distributions import Dirac
from variata.errors import NoDensityError, VariataError
from variata.models import Trace, likelihood_of, start
from variata.nn import DenseCritic
from variata.objectives import Adversary, PriorDenoising, StandardRate
from variata.schedules import Moment
from variata.store.card import card
from variata.tasks.diagnose import diagnose
from variata.tasks.evaluate import evaluate
from variata.tasks.model import Model
from variata.tasks.report import report
from variata.training import Settings
from variata.training import fit as train

LIKELIHOODS = {
    "autoregressive": "exact",
    "diffusion": "estimated",
    "flow": "bound",
    "gan": "none",
    "independent": "exact",
    "kernel_density": "exact",  # of binary images
    "latent_diffusion": "estimated",
    "pca_gaussian": "bound",
    "vae": "bound",
    "ae": "none",
}
LEVELLESS = ("autoregressive", "diffusion", "flow", "independent", "kernel_density", "pca_gaussian")
LEARNT = ("autoregressive", "diffusion", "flow", "gan", "latent_diffusion")
STEPS = Settings(epochs=2, batch_size=16, lr=2e-3, patience=1.0)
NOW = Moment(0, 0.0)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_what_is_said_of_a_likelihood(name: str) -> None:
    assert likelihood_of(untrained(name, IMAGES).module) == LIKELIHOODS[name]


VERBS: dict[str, Callable[[Model, Any], Any]] = {
    "encode": lambda model, x: model.encode(x),
    "reconstruct": lambda model, x: model.reconstruct(x),
    "give posteriors": lambda model, x: model.posterior(x),
    "cluster": lambda model, x: model.cluster(x),
    "classify": lambda model, x: model.classify(x),
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("name", [*LEVELLESS, "gan"])
def test_verbs_that_need_an_encoder_are_refused_in_a_sentence(name: str, verb: str) -> None:
    model, x = untrained(name, IMAGES), np.zeros((2, 9, 7))
    with pytest.raises(VariataError, match=rf"^{name} cannot {verb}: .*It can sample and"):
        VERBS[verb](model, x)


@pytest.mark.parametrize("name", LEVELLESS)
def test_a_density_has_no_latents_to_decode(name: str, tmp_path: Path) -> None:
    model = untrained(name, IMAGES)
    assert model.latent == 0
    with pytest.raises(VariataError, match=f"{name} cannot decode"):
        model.decode(np.zeros((1, 2)))
    with pytest.raises(VariataError, match=f"{name} cannot show means given a latent"):
        model.sample(2, mean=True)
    with pytest.raises(VariataError, match=f"{name} cannot be exported"):
        model.export(tmp_path)
    assert "latent dimensions | none" in card(model.saved)


@pytest.mark.parametrize("name", LEVELLESS)
def test_samples_and_scores_have_own_units_and_depend_on_the_seed_alone(name: str) -> None:
    model = untrained(name, IMAGES)
    drawn = model.sample(6, seed=3)
    assert drawn.shape == (6, 9, 7)
    assert set(np.unique(drawn)) <= {0, 255}
    assert np.array_equal(drawn, model.sample(6, seed=3))
    scores = model.score(drawn)
    assert scores.shape == (6,)
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(model.score(drawn[2:3]), scores[2:3], rtol=1e-5)


def test_few_images_are_moved_before_a_critic_sees_them() -> None:
    x = np.random.default_rng(0).integers(0, 256, (40, 17, 16)).astype(np.uint8)
    model = fit(x, recipe="gan", width=2, critic_width=2, epochs=1)
    assert model.saved.arguments["augment"] is True
    still = fit(x, recipe="gan", width=2, critic_width=2, epochs=1, augment=False)
    assert still.saved.arguments["augment"] is False
    assert recipes.get("gan").told_by_rows(60_000) == {"augment": False}


def test_a_critic_sees_images_moved_and_the_same_pixels() -> None:
    made = recipes.build("gan", shape=(1, 16, 24), likelihood="bernoulli", augment=True)
    adversary: Any = made.phases[0].objective.players["critic"]
    assert adversary.pixels == 2
    image = torch.zeros(1, 200, 1, 16, 24)
    image[..., 8, 12] = 1
    places = adversary._moved(image).nonzero()[:, -2:] - torch.tensor([8, 12])
    assert len(places) == 200
    assert {tuple(place) for place in places.tolist()} == {
        (row, column) for row in range(-2, 3) for column in range(-2, 3)
    }


def test_a_generator_samples_and_decodes_and_scores_nothing() -> None:
    model = untrained("gan", IMAGES)
    assert model.sample(5).shape == (5, 9, 7)
    assert np.array_equal(model.sample(5, mean=True), model.sample(5))
    z = np.random.default_rng(0).normal(size=(3, model.latent))
    assert model.decode(z).shape == (3, 9, 7)
    with pytest.raises(NoDensityError, match="gan has no likelihood"):
        model.score(np.zeros((2, 9, 7)))


@pytest.fixture(scope="module")
def run() -> Callable[[str], Model]:
    known: dict[str, Model] = {}

    def of(name: str) -> Model:
        if name not in known:
            small = {"latent": 2, "hidden": (16,)} | OWN.get(name, {})
            known[name] = fit("digits", name, epochs=1, **small)
        return known[name]

    return of


@pytest.mark.parametrize("name", [n for n in LIKELIHOODS if n not in {"vae", "ae"}])
def test_every_rival_is_evaluated_reported_and_examined(
    name: str, run: Callable[[str], Model], tmp_path: Path
) -> None:
    model = run(name)
    found = evaluate(model, k=2)
    figures = found.figures
    wanted = "bound" if name == "kernel_density" else LIKELIHOODS[name]  # levels, not classes
    assert figures["likelihood"] == wanted
    assert (figures["prior_density"] is None) == (name in LEVELLESS)
    told = dict(rows_of(figures))
    if wanted == "none":
        assert figures["nll"] is figures["distortion"] is figures["bits_per_dim"] is None
        assert told["likelihood"] == "none"
    else:
        said = {"exact": "NLL", "bound": "NLL, at most", "estimated": "NLL, estimated"}[wanted]
        assert said in told
        assert figures["nll"]["mean"] > 0
    assert (figures["reconstruction"] is None) == (name != "latent_diffusion")
    assert figures["samples"]["frechet"] > 0
    findings = diagnose(model, found)
    page = report(model, found, tmp_path / "report.html", findings).read_text()
    assert "Samples" in page
    assert ("estimate" in page) == (wanted == "estimated")
    assert ("Reconstruction and" in page) == (name == "latent_diffusion")


@pytest.mark.parametrize(
    ("name", "draws"), [("vae", 100), ("flow", 25), ("pixel_vae", 25), ("independent", 1)]
)
def test_fewer_draws_are_taken_where_they_are_dear(
    name: str, draws: int, run: Callable[[str], Model]
) -> None:
    x = np.arange(64 * 5).reshape(5, 8, 8) % 17
    assert evaluate(run(name), x, samples=False).figures["nll"]["k"] == draws


def test_independent_elements_are_the_baseline_that_evaluations_compare_with(
    run: Callable[[str], Model],
) -> None:
    figures = evaluate(run("independent"), samples=False).figures
    baseline = figures["baselines"]["factorised"]["bits_per_dim"]
    assert figures["bits_per_dim"] == pytest.approx(baseline, rel=1e-4)


@NEEDS_COMPILER
@pytest.mark.parametrize("name", LEARNT)
def test_compiled_steps_are_those_that_are_not(name: str) -> None:
    found = []
    for compiling in ("on", "off"):
        made, rows = compose(name, IMAGES), Rows(values(IMAGES, 32))
        start(made.model, rows.x)
        settings = replace(STEPS, compile=compiling, precision="fp32")
        history = train(made.model, made.phases, rows, rows, settings)
        found.append([list(each.train.values()) for each in history.reports])
    for on, off in zip(*found, strict=True):
        assert on == pytest.approx(off, rel=1e-2)


@pytest.mark.parametrize("name", LEARNT)
@pytest.mark.parametrize("data", ["rows", "colour, convolutional"])
def test_short_products_train(name: str, data: str) -> None:
    made, rows = compose(name, data), Rows(values(data, 32))
    start(made.model, rows.x)
    history = train(made.model, made.phases, rows, rows, replace(STEPS, precision="bf16"))
    assert history.skipped == 0
    assert all(np.isfinite(list(each.train.values())).all() for each in history.reports)


class Slope(nn.Module):
    """A critic of constant slope."""

    def __init__(self, slope: Tensor) -> None:
        super().__init__()
        self.output = nn.Linear(1, 1, bias=False)
        self.slope = slope

    def features(self, x: Tensor) -> Tensor:
        return x.flatten(1) @ self.slope[:, None]


def generated(x: Tensor, y: Tensor) -> Trace:
    return Trace((), Dirac(y, y.dim() - 2), Batch(x, x))


def test_the_critic_pays_for_its_slope_at_the_data() -> None:
    torch.manual_seed(0)
    slope = torch.tensor([3.0, 4.0])
    adversary = Adversary(Slope(slope), 1, 0, gamma=2.0, pixels=0)
    adversary.network.output.weight.data.fill_(1.0)  # type: ignore[union-attr]
    x, y = torch.randn(20_000, 2), torch.randn(1, 20_000, 2)
    model: Any = None
    with torch.no_grad():
        both = adversary.loss(model, generated(x, y), NOW).mean()
        adversary.gamma = 0.0
        alone = adversary.loss(model, generated(x, y), NOW).mean()
    assert (both - alone).item() == pytest.approx(25.0, rel=0.05)  # gamma / 2 |slope|^2


def test_images_are_moved_by_whole_pixels_and_pass_gradients_on() -> None:
    torch.manual_seed(0)
    adversary = Adversary(DenseCritic(4, 8), 8, 0, gamma=0.0, pixels=2)
    images = torch.rand(1, 500, 1, 6, 5, requires_grad=True)
    found = adversary._moved(images)
    padded = nn.functional.pad(images[0], (2, 2, 2, 2), mode="replicate")
    windows = torch.stack(
        [padded[..., r : r + 6, c : c + 5] for r in range(5) for c in range(5)], 1
    )
    same = (windows == found[0, :, None]).flatten(2).all(-1)
    assert same.any(1).all()
    assert same.any(0).all()  # each of 25 moves occurs among 500
    found.sum().backward()
    assert images.grad is not None
    assert images.grad.sum().item() == pytest.approx(found.numel())


def test_a_generator_learns_where_the_data_is() -> None:
    """It starts at the mean, where no row is."""
    random = np.random.default_rng(0)
    side = random.choice([-1.0, 1.0], (1_000, 1))
    x = random.normal(size=(1_000, 2)) + [5.0, -2.0] * side
    drawn = fit(x, "gan", epochs=60, width=32, critic_width=32).sample(1_000)
    near = [np.linalg.norm(drawn - s * np.array([5.0, -2.0]), axis=1) < 3 for s in (-1, 1)]
    assert min(each.mean() for each in near) > 0.15
    assert sum(each.mean() for each in near) > 0.7


def test_counts_of_any_size_start_a_generator_at_their_mean() -> None:
    head, mean = PointHead("poisson"), torch.tensor([0.0, 3.0, 100.0, 1e4])
    raw = head.start(mean, mean)
    torch.testing.assert_close(head(raw[None, None]).mean[0, 0], mean + 0.1)


def test_terms_of_a_latent_diffusion() -> None:
    torch.manual_seed(0)
    made = compose("latent_diffusion", "rows")
    plain, x = compose("vae", "rows"), values("rows")
    trace = plain.model.observe(Batch(x, x), 3)
    rate = StandardRate()(plain.model, trace, NOW)
    torch.testing.assert_close(rate, trace.rate())
    trace = made.model.observe(Batch(x, x), 3)
    error = PriorDenoising()(made.model, trace, NOW)
    assert error.shape == (3, len(x))
    error.sum().backward()
    level: Any = made.model.levels[0]
    assert all(p.grad is None for p in made.model.encoder.parameters())
    assert all(p.grad is not None for p in level.prior.parameters())


@pytest.mark.parametrize("name", ["flow", "autoregressive", "diffusion", "gan"])
def test_a_condition_is_learnt(name: str) -> None:
    random = np.random.default_rng(0)
    kind = random.integers(0, 2, 1_000)
    x = random.normal(size=(1_000, 2)) + 6.0 * kind[:, None]
    small = {"width": 32} | ({"critic_width": 32} if name == "gan" else {})
    model = fit(x, name, condition=kind, epochs=30, **small)
    means = [model.sample(300, condition=k).mean() for k in (0, 1)]
    assert means[1] - means[0] == pytest.approx(6.0, abs=1.5)


def test_recipes_without_latents_say_so_when_they_train() -> None:
    told: list[str] = []
    fit(np.random.default_rng(0).normal(size=(60, 2)), "flow", epochs=1, announce=told.append)
    assert any(line.startswith("flow: no latent dimensions") for line in told)
    assert recipes.get("flow").ours
