"""Images drawn pixel by pixel: probabilities, windows and what a pixel may see."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

from variata import recipes
from variata.batch import Batch
from variata.conditionals import BernoulliHead, FlowPrior, likelihood_head, pixel_head
from variata.distributions import Autoregressive
from variata.errors import UsageError
from variata.models import start
from variata.nn import CausalImage
from variata.nn.linear_past import SLOW, LinearPast
from variata.schedules import Moment

TINY, COLOUR = (1, 2, 3), (3, 1, 2)


def made(shape: tuple[int, ...] = TINY, rows: int = 1, layers: int = 1) -> Autoregressive:
    """One whose neighbours matter, for so many rows of random parameters."""
    torch.manual_seed(0)
    head = pixel_head(BernoulliHead(), shape, told=2, width=4, layers=layers, alone=1)
    torch.nn.init.normal_(head.reader.output.weight)
    if shape[0] > 1:
        torch.nn.init.normal_(head.reader.earlier.weight)
    return head(torch.randn(1, rows, 3, *shape))


def every_image(shape: tuple[int, ...]) -> Tensor:
    values = itertools.product((0.0, 1.0), repeat=torch.Size(shape).numel())
    return torch.tensor(list(values)).view(-1, *shape)


@pytest.mark.parametrize("shape", [TINY, COLOUR])
def test_probabilities_of_all_images_sum_to_one(shape: tuple[int, ...]) -> None:
    p, images = made(shape), every_image(shape)
    total = torch.stack([p.log_prob(image[None])[0, 0].exp() for image in images]).sum()
    assert total.item() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("shape", [TINY, COLOUR])
def test_draws_have_these_probabilities(shape: tuple[int, ...]) -> None:
    p, images = made(shape), every_image(shape)
    wanted = torch.stack([p.log_prob(image[None])[0, 0].exp() for image in images])
    n = 20_000
    drawn = p.sample(torch.Size([n])).flatten(1).long()
    assert drawn.shape == (n, 6)
    found = torch.bincount(drawn @ (2 ** torch.arange(5, -1, -1)), minlength=64) / n
    assert (found - wanted).abs().max() < 5 * (0.25 / n) ** 0.5  # five standard errors at most


@pytest.mark.parametrize("layers", [0, 2])
def test_a_pixel_sees_only_near_pixels_before_it(layers: int) -> None:
    torch.manual_seed(1)
    shape = (2, 9, 10)
    reader = CausalImage(shape, parameters=1, told=1, width=3, layers=layers, alone=1).double()
    told = torch.zeros(1, 1, 1, *shape).double()
    row, column, reach = 5, 4, reader.reach
    x = torch.randn(1, *shape).double().requires_grad_()
    reader(reader.see(x), told)[..., :1, row, column].sum().backward()
    felt = x.grad.abs().sum((0, 1)) > 0  # type: ignore[union-attr]
    assert felt.any()
    assert not felt[row, column:].any()
    assert not felt[row + 1 :].any()
    assert not felt[: max(0, row - reach)].any()
    assert not felt[:, column + reach + 1 :].any()


def test_a_channel_of_a_pixel_sees_those_before_it() -> None:
    p = made((3, 4, 5))
    x = torch.rand(1, 3, 4, 5, requires_grad=True)
    for channel in range(3):
        (felt,) = torch.autograd.grad(p.given(x).logits[0, 0, channel, 2, 3], x)
        assert (felt[0, :, 2, 3] != 0).tolist() == [before < channel for before in range(3)]


@pytest.mark.parametrize(("channels", "layers"), [(1, 0), (1, 1), (1, 3), (3, 1)])
def test_windows_give_what_whole_images_give(channels: int, layers: int) -> None:
    p = made((channels, 7, 9), rows=2, layers=layers)
    slow = torch.zeros(1, 2, channels, 7, 9)
    for row, column, channel in itertools.product(range(7), range(9), range(channels)):
        found = p.given(slow).mean[..., channel, row, column]
        slow[..., channel, row, column] = found.round()
    torch.testing.assert_close(p.mean, p.given(slow).mean)


def test_draws_of_the_latent_share_what_was_seen() -> None:
    torch.manual_seed(2)
    head = pixel_head(likelihood_head("logistic_mixture", (3, 5, 4), 256), (3, 5, 4), 2, 4, 1)
    raw, x = torch.randn(3, 2, head.per_element, 3, 5, 4), torch.rand(2, 3, 5, 4)
    together = head(raw).log_prob(x)
    assert together.shape == (3, 2)
    for k, b in itertools.product(range(3), range(2)):
        alone = head(raw[k : k + 1, b : b + 1]).log_prob(x[b : b + 1])
        torch.testing.assert_close(together[k, b], alone[0, 0], rtol=1e-4, atol=1e-4)


def test_what_is_no_image_is_refused_with_the_names_of_others() -> None:
    with pytest.raises(UsageError, match=r"pixel by pixel.*vae, iwae"):
        recipes.build("pixel_vae", shape=(12,))
    with pytest.raises(UsageError, match="negative_binomial"):
        recipes.build("pixel_vae", shape=(1, 8, 8), likelihood="negative_binomial")


@pytest.mark.parametrize("couplings", [0, 2])
def test_a_flow_may_be_the_prior(couplings: int) -> None:
    torch.manual_seed(3)
    small: dict[str, Any] = {"latent": 2, "hidden": (8,), "width": 4, "layers": 0, "tighten": 1}
    more: dict[str, Any] = {"likelihood": "bernoulli", "couplings": couplings, "warm_up_share": 0.0}
    made = recipes.build("pixel_vae", shape=(1, 4, 4), **small, **more)
    x = torch.randint(0, 2, (6, 1, 4, 4)).float()
    trace = made.model.observe(Batch(x, x))
    prior: Any = made.model.levels[0].prior
    assert isinstance(prior, FlowPrior) == bool(couplings)
    stage: Any = trace.stages[0]
    if couplings:
        expected = stage.q.log_prob(stage.z) - prior(None).log_prob(stage.z)
        torch.testing.assert_close(trace.rate(), expected)
    made.phases[0].objective(made.model, trace, Moment(10, 0.9)).total.backward()
    assert all(parameter.grad is not None for parameter in prior.parameters())


# Where they start


def swept(n: int, shape: tuple[int, ...] = (3, 12, 12), noise: float = 0.05) -> Tensor:
    """Images each of whose values is known linearly from two before it, but for noise."""
    random, (channels, height, width) = torch.Generator().manual_seed(4), shape
    x = torch.zeros(n, *shape)
    for row, column, channel in itertools.product(range(height), range(width), range(channels)):
        beside = x[:, channel, row, column - 1] if column else torch.zeros(n)
        before = x[:, channel - 1, row, column] if channel else torch.zeros(n)
        value = 0.5 * beside + 0.4 * before + noise * torch.randn(n, generator=random)
        x[:, channel, row, column] = value
    return x


def test_a_linear_past_is_found() -> None:
    x, random = swept(800), torch.Generator().manual_seed(5)
    told = torch.randn(x.shape, generator=random)
    reader = CausalImage((3, 12, 12), 1, 1, 4, 0, locations=slice(0, 1))
    weights, left = reader.start(x, 0.3 * told)
    torch.testing.assert_close(weights, torch.zeros(3), rtol=0, atol=0.02)
    assert left.std().item() == pytest.approx(0.05, rel=0.02)
    linear: Any = reader.linear
    found = SLOW * linear.weight * linear.seen
    expected = torch.zeros_like(found)
    for channel in range(3):
        expected[channel, channel, -1, 2] = 0.5
        if channel:
            expected[channel, channel - 1, -1, 3] = 0.4
    torch.testing.assert_close(found, expected, rtol=0, atol=0.03)


def test_a_linear_past_sees_nothing_after_it() -> None:
    linear = LinearPast(3, 7)
    torch.nn.init.normal_(linear.weight)
    near = torch.randn(1, 3, 4, 7, requires_grad=True)
    for channel in range(3):
        (felt,) = torch.autograd.grad(linear.within(near)[0, channel, 0, 0], near)
        assert (felt[0, :, -1, 3] != 0).tolist() == [before < channel for before in range(3)]
        assert not felt[0, :, -1, 4:].any()


@pytest.mark.parametrize("recipe", ["autoregressive", "pixel_vae"])
@torch.no_grad()
def test_models_of_pixels_start_near_the_best_linear_prediction(recipe: str) -> None:
    x = swept(600)
    torch.manual_seed(6)
    small: dict[str, Any] = {"width": 4, "layers": 1}
    small |= {"latent": 3, "hidden": (8,)} if recipe == "pixel_vae" else {}
    likelihood = {"likelihood": "logistic", "levels": 256}
    values = ((x + 0.5).clamp(0, 1) * 255).round() / 255
    model = recipes.build(recipe, shape=(3, 12, 12), **likelihood, **small).model.eval()
    start(model, values)
    nats = -model.observe(Batch(values, values)).likelihood.log_prob(values).mean() / x[0].numel()
    scale = 0.05 * 255 * 3**0.5 / torch.pi  # of a logistic as wide as the noise, in levels
    best = float(torch.tensor(scale).log()) + 2  # the entropy of it
    assert nats.item() == pytest.approx(best, abs=0.12)
