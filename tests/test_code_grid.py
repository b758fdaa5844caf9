"""Codes at the positions of a grid, and where they start."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from variata import recipes
from variata.batch import Batch
from variata.errors import UsageError
from variata.models import start
from variata.nn import GridDecoder, GridEncoder
from variata.schedules import Moment

SHAPE = (3, 17, 20)
SMALL: dict[str, Any] = {"shape": SHAPE, "likelihood": "logistic", "levels": 256, "channels": 2}
SMALL |= {"grid": True}
QUANTISED = {
    "vq_vae": {"codes": 16},
    "rvq_vae": {"codes": 16, "depth": 2},
    "fsq_vae": {"scalar_levels": 3},
}
every = pytest.mark.parametrize("name", QUANTISED)


def made(name: str, **arguments: Any) -> recipes.Composition:
    torch.manual_seed(0)
    return recipes.build(name, **SMALL | QUANTISED[name] | arguments)


def images(n: int, shape: tuple[int, ...] = SHAPE) -> Tensor:
    """Smooth ones."""
    rough = torch.rand(n, shape[0], 4, 4, generator=torch.Generator().manual_seed(1))
    smooth = F.interpolate(rough, shape[1:], mode="bilinear")
    return (smooth * 255).round() / 255


@every
def test_every_position_of_an_image_has_its_codes(name: str) -> None:
    composition, x = made(name), images(4)
    stages = composition.model.observe(Batch(x, x)).stages
    expected = 3 * 3 if name == "rvq_vae" else 5 * 5
    assert all(stage.q.codes.shape[-1] == expected for stage in stages)  # type: ignore[union-attr]
    assert composition.arguments is not None
    assert composition.arguments["latent"] == stages[0].z.shape[-1]


def test_a_position_is_told_by_the_pixels_around_it() -> None:
    torch.manual_seed(0)
    encoder = GridEncoder((1, 64, 64), times=3, channels=2, width=3, linear=True)
    x = torch.randn(1, 1, 64, 64, requires_grad=True)
    codes = encoder(x).unflatten(1, (8, 8, 3))
    (felt,) = torch.autograd.grad(codes[0, 2, 5, 0], x)
    strongest = felt[0, 0].abs().unfold(0, 8, 8).unfold(1, 8, 8).sum((2, 3))
    assert divmod(int(strongest.argmax()), 8) == (2, 5)


def test_patches_start_as_principal_components() -> None:
    """Images whose patches have as few directions as a vector has numbers are lost nothing of."""
    torch.manual_seed(0)
    basis = torch.randn(4, 3 * 4 * 4)
    patches = torch.randn(50, 4 * 5, 4) @ basis
    x = F.fold(patches.transpose(1, 2), (16, 20), 4, stride=4)
    encoder = GridEncoder((3, 16, 20), times=2, channels=2, width=4, linear=True)
    encoder.start(x)
    z = encoder(x)
    assert z.square().mean().item() == pytest.approx(1, rel=0.05)
    decoder = GridDecoder((3, 16, 20), 2, 2, 4, parameters=2, locations=slice(0, 1))
    left = decoder.start_linear(x - x.mean(0), z)
    assert left.square().mean() < 1e-5 * x.square().mean()
    places = decoder._apart(z)[0]
    assert decoder.patches is not None
    predicted = x.mean(0) + decoder._linear(decoder.patches, places)
    torch.testing.assert_close(predicted, x, rtol=1e-2, atol=2e-2)


@every
@torch.no_grad()
def test_a_started_model_is_better_than_the_margins(name: str) -> None:
    x, model = images(300), made(name).model.eval()
    model.decoder.start_at(x.mean(0), x.std(0), 0.0)  # type: ignore[operator]
    margins = model.observe(Batch(x, x)).likelihood.log_prob(x).mean()
    torch.manual_seed(1)
    again = made(name).model.eval()
    start(again, x)
    started = again.observe(Batch(x, x)).likelihood.log_prob(x).mean()
    assert started > margins + 0.25 * x[0].numel()


@every
def test_a_condition_reaches_all_positions(name: str) -> None:
    composition, x = made(name, context=2), images(4)
    batch = Batch(x, x, c=torch.eye(2)[[0, 1, 0, 1]])
    trace = composition.model.observe(batch)
    composition.phases[0].objective(composition.model, trace, Moment(3, 0.5)).total.backward()
    told: Any = composition.model.decoder.network.told  # type: ignore[union-attr]
    assert told.weight.grad.abs().sum() > 0


def test_a_latent_chooses_the_grid() -> None:
    model = made("vq_vae", latent=4 * 9 * 10).model
    x = images(2)
    stage: Any = model.observe(Batch(x, x)).stages[0]
    assert stage.q.codes.shape == (2, 90)


def test_a_latent_that_is_no_grid_is_refused_with_those_that_are() -> None:
    with pytest.raises(UsageError, match=r"latent=40 .*width=4.* 100, 360 .*grid=False"):
        made("vq_vae", latent=40)


def test_large_images_have_a_grid_by_default() -> None:
    assert recipes.build("vq_vae", shape=(3, 32, 32)).arguments["grid"]  # type: ignore[index]
    assert not recipes.build("vq_vae", shape=(1, 28, 28)).arguments["grid"]  # type: ignore[index]


def test_vectors_and_small_images_have_codes_of_the_whole() -> None:
    for shape in ((30,), (1, 8, 8)):
        arguments: Any = recipes.build("vq_vae", shape=shape).arguments
        assert arguments["latent"] <= 40
    assert made("vq_vae", grid=False).arguments["latent"] == 40  # type: ignore[index]
