"""Images judged as images: spectral norms, critics, features, and who feels what."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from compiled import NEEDS_COMPILER
from rows import Rows
from test_critics import taught
from variata import recipes
from variata.batch import Batch
from variata.distributions import DiscretisedLogistic, Gaussian, LogisticMixture
from variata.errors import NoDensityError, UsageError
from variata.models import Stage, Trace
from variata.nn import ConvCritic, RandomFeatures, unit_norm
from variata.objectives import FeatureDistance, ImageCritic
from variata.recipes import Composition
from variata.schedules import Moment
from variata.training import Settings, fit

SHARP = ("vae_gan", "perceptual_vae")
SHAPE = (1, 9, 7)
SLOW = pytest.mark.slow
LATE = Moment(step=1000, progress=1.0)
STEPS = Settings(epochs=4, batch_size=8, lr=3e-3, patience=1.0, ema=0.0, threads=1)


def made(name: str = "vae_gan", shape: tuple[int, ...] = SHAPE, **arguments: Any) -> Composition:
    torch.manual_seed(0)
    own = {"critic_channels": 4} if name == "vae_gan" else {}
    facts = {"likelihood": "logistic", "levels": 17, "latent": 2, "hidden": (16,)}
    return recipes.build(name, shape=shape, **(facts | own | arguments))


def images(n: int = 8, shape: tuple[int, ...] = SHAPE) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return (16 * torch.rand(n, *shape, generator=generator)).round() / 16


def critic_of(composition: Composition) -> ImageCritic:
    """The recipe's critic, as one that has learned something."""
    [critic] = composition.phases[0].objective.players.values()
    assert isinstance(critic, ImageCritic)
    nn.init.normal_(critic.network.output.weight)
    return critic


@pytest.mark.parametrize("kind", ["linear", "convolution"])
@pytest.mark.parametrize("scale", [1e-3, 100.0])
def test_the_largest_singular_value_becomes_one(kind: str, scale: float) -> None:
    torch.manual_seed(0)
    layer: Any = nn.Linear(30, 50) if kind == "linear" else nn.Conv2d(8, 16, 4)
    nn.init.normal_(layer.weight, std=scale)
    weight = unit_norm(layer).weight
    assert torch.linalg.matrix_norm(weight.flatten(1), 2).item() == pytest.approx(1.0, abs=0.1)
    assert len(layer.state_dict()) == 2  # nothing is remembered beside weight and bias


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 37, 53), (2, 9, 7), (1, 3, 90), (1, 2, 2)])
def test_the_critic_takes_images_of_any_size(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    critic, x = ConvCritic(shape, channels=4), torch.rand(3, *shape)
    assert torch.equal(critic(x), torch.zeros(3))
    nn.init.normal_(critic.output.weight)
    alone = torch.cat([critic(row[None]) for row in x])
    torch.testing.assert_close(critic(x), alone)
    again = ConvCritic(shape, channels=4)
    again.load_state_dict(critic.state_dict())
    assert torch.equal(again(x), critic(x))


@pytest.mark.parametrize("apart", [0.0, 0.5])
def test_a_critic_tells_images_apart_where_they_differ(apart: float) -> None:
    composition = made()
    critic, [model] = critic_of(composition), [composition.model]

    def sample(rows: int) -> Trace:
        z = torch.randn(1, rows, 2)
        with torch.no_grad():
            p: Any = model.decoder(z)
            x = (p.sample()[0] + apart).clamp(0, 1)
        stage = Stage(z, model.levels[0].prior(None))  # type: ignore[operator]
        return Trace((stage,), p, Batch(x, x))

    bound = lambda rows: critic.loss(model, sample(rows), LATE).mean().item()  # noqa: E731
    before = bound(1000)
    taught(_Told(critic, model), sample, steps=60)
    after = bound(1000)
    assert after < before
    assert after < 0.1 if apart else after == pytest.approx(math.log(2), abs=0.05)


class _Told(nn.Module):
    """A critic whose loss knows its model."""

    def __init__(self, critic: ImageCritic, model: nn.Module) -> None:
        super().__init__()
        self.critic, self.model = critic, [model]

    def loss(self, _: Any, trace: Trace, moment: Moment) -> Tensor:
        return self.critic.loss(self.model[0], trace, moment)  # type: ignore[arg-type]


def test_the_decoder_alone_feels_the_critic() -> None:
    composition = made()
    model, critic, x = composition.model, critic_of(composition), images()
    trace = model.observe(Batch(x, x))
    paid = critic(model, trace, LATE).mean()
    felt = torch.autograd.grad(paid, list(model.decoder.parameters()))
    assert all(float(g.abs().sum()) > 0 for g in felt)
    others = [*model.encoder.parameters(), *model.levels.parameters()]
    none = torch.autograd.grad(critic(model, trace, LATE).mean(), others, allow_unused=True)
    assert all(g is None for g in none)


def test_the_critic_alone_feels_its_loss() -> None:
    composition = made()
    model, critic, x = composition.model, critic_of(composition), images()
    own = critic.loss(model, model.observe(Batch(x, x)), LATE).mean()
    owned, foreign = list(critic.parameters()), list(model.parameters())
    found = torch.autograd.grad(own, [*owned, *foreign], allow_unused=True)
    assert all(g is not None and float(g.abs().sum()) > 0 for g in found[: len(owned)])
    assert all(g is None for g in found[len(owned) :])


def test_features_cost_the_nats_of_a_gaussian_around_those_of_the_reconstruction() -> None:
    torch.manual_seed(0)
    x, y = torch.randn(4, 1, 2, 3), torch.randn(5, 4, 1, 2, 3, requires_grad=True)
    turn = torch.randn(6, 6)

    def features(image: Tensor) -> Tensor:
        return image.flatten(1) @ turn

    trace = Trace((), Gaussian(y, torch.ones(()), 3), Batch(x, x))
    cost = FeatureDistance(features)(None, trace, LATE)  # type: ignore[arg-type]
    assert cost.shape == (5, 4)
    p = torch.distributions.Normal(features(y.flatten(0, 1)).view(5, 4, 6), 1.0)
    want = p.log_prob(p.mean) - p.log_prob(features(x))
    torch.testing.assert_close(cost, want.sum(-1))
    same = Trace((), Gaussian(x[None], torch.ones(()), 3), Batch(x, x))
    assert not FeatureDistance(features)(None, same, LATE).any()  # type: ignore[arg-type]
    with pytest.raises(NoDensityError, match="imagined"):
        FeatureDistance(features)(None, replace(trace, batch=None), LATE)  # type: ignore[arg-type]


def test_random_features_follow_their_seed_and_nothing_else() -> None:
    x, before = images(), torch.get_rng_state()
    first, again, other = RandomFeatures(SHAPE, 1), RandomFeatures(SHAPE, 1), RandomFeatures(SHAPE)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first(x), again(x))
    assert not torch.allclose(first(x), other(x))
    assert not list(first.parameters())
    assert not first.state_dict()
    with torch.device("meta"):
        assert torch.equal(RandomFeatures(SHAPE, 1)(x), first(x))


def test_features_see_a_blur_where_pixels_see_none() -> None:
    """At the same squared error of pixels, a blurred edge is farther away than a dimmer one."""
    x = torch.zeros(1, 1, 28, 28)
    x[..., 6:22, 12:16] = 1.0
    blurred = nn.functional.avg_pool2d(x, 5, 1, 2)
    share = 1 - ((blurred - x).norm() / x.norm()).item()
    dimmer = share * x
    assert (dimmer - x).norm() == pytest.approx((blurred - x).norm().item(), rel=1e-5)
    features = RandomFeatures((1, 28, 28))
    far, near = ((features(y) - features(x)).norm().item() for y in (blurred, dimmer))
    assert far > 1.5 * near


@pytest.mark.parametrize("mixed", [False, True])
def test_a_glance_is_a_draw_before_it_is_rounded(mixed: bool) -> None:
    torch.manual_seed(0)
    means, scale = torch.tensor([0.2, 0.7]).expand(1, 4000, 2, 2), torch.tensor(-3.0)
    one = DiscretisedLogistic(means[..., 1], scale, 256)
    both = LogisticMixture(torch.tensor([0.0, 1.0]).expand_as(means), means, scale, 256)
    p: Any = both if mixed else one
    shown, drawn = p.glance(), p.sample()
    assert shown.mean().item() == pytest.approx(drawn.mean().item(), abs=0.01)
    assert shown.std().item() == pytest.approx(drawn.std().item(), rel=0.03)


def test_a_critic_of_images_keeps_the_last_weights_and_ends_no_training() -> None:
    composition, rows = made(weight=1e3), Rows(images(64))
    settings = replace(STEPS, epochs=30, patience=0.1)
    history = fit(composition.model, composition.phases, rows, rows, settings)
    assert history.ended == "finished"
    assert all(report.best for report in history.reports)
    assert history.reports[-1].step == 30 * 8
    assert composition.phases[0].objective.unsteady == ["features", "critic"]


@NEEDS_COMPILER
@pytest.mark.parametrize("name", ["vae_gan", pytest.param("perceptual_vae", marks=SLOW)])
def test_compiled_steps_pay_what_others_pay(name: str) -> None:
    found = []
    for compiling in ("on", "off"):
        composition, rows = made(name), Rows(images(64))
        settings = replace(STEPS, compile=compiling, precision="fp32")
        history = fit(composition.model, composition.phases, rows, rows, settings)
        found.append([list(report.train.values()) for report in history.reports])
    for on, off in zip(*found, strict=True):
        assert on == pytest.approx(off, rel=1e-2)


@pytest.mark.parametrize("name", SHARP)
def test_short_products_train(name: str) -> None:
    composition, rows = made(name), Rows(images(64))
    settings = replace(STEPS, precision="bf16")
    history = fit(composition.model, composition.phases, rows, rows, settings)
    assert history.reports[-1].criterion < history.reports[0].criterion


@pytest.mark.parametrize("name", SHARP)
def test_tables_are_refused_with_the_names_of_others(name: str) -> None:
    with pytest.raises(UsageError, match=rf"{name} looks at images.*\(12,\).*vae, iwae"):
        recipes.build(name, shape=(12,))
    with pytest.raises(UsageError, match="categorical"):
        recipes.build(name, shape=SHAPE, likelihood="categorical", levels=3)
