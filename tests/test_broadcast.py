"""A decoder whose patches are drawn from the latent and their place."""

from __future__ import annotations

import pytest
import torch

from variata import fit, recipes
from variata.errors import UsageError
from variata.nn import BroadcastDecoder, PatchEncoder
from variata.nn.broadcast import places
from variata.shapes import Shape


def decoder(shape: Shape, parameters: int = 1) -> BroadcastDecoder:
    torch.manual_seed(0)
    return BroadcastDecoder(2, shape, parameters, width=16)


def test_a_latent_that_enters_as_a_place_moves_what_is_drawn() -> None:
    network = decoder((1, 32, 48))
    assert (network.side, network.rows, network.columns) == (2, 16, 24)
    with torch.no_grad():
        network.told.weight.copy_(network.placed.weight)
    z = torch.tensor([[0.3, -0.2]])
    by_two_patches = torch.tensor([[-2 * 2 / network.rows, 2 * 2 / network.columns]])
    before, after = network(z)[0, 0, 0], network(z + by_two_patches)[0, 0, 0]
    assert torch.allclose(after[4:, :-4], before[:-4, 4:], atol=1e-6)
    assert not torch.allclose(after, before, atol=1e-3)


def test_patches_lie_where_their_places_are() -> None:
    network = decoder((2, 25, 38), 3)
    count = network.rows * network.columns
    numbers = torch.arange(count).float().reshape(1, count, 1)
    image = network.joined(numbers.expand(1, count, 3 * 2 * network.side**2))
    assert image.shape == (1, 3, 2, 25, 38)
    patch = [
        [row // network.side * network.columns + column // network.side for column in range(38)]
        for row in range(25)
    ]
    assert torch.equal(image, torch.tensor(patch).float().expand(1, 3, 2, -1, -1))
    middle = places(network.rows, network.columns).reshape(network.rows, network.columns, 2)
    assert (middle[1:, :, 0] > middle[:-1, :, 0]).all()
    assert (middle[:, 1:, 1] > middle[:, :-1, 1]).all()
    assert middle.mean((0, 1)).abs().max() < 1e-6
    assert middle.abs().max() < 1


def test_patches_hold_their_pixels_in_order() -> None:
    network = decoder((1, 24, 24))
    own = torch.arange(4.0).expand(1, network.rows * network.columns, 4)
    assert torch.equal(network.joined(own)[0, 0, 0, :2, :2], torch.tensor([[0.0, 1.0], [2.0, 3.0]]))


def test_it_starts_at_what_it_is_told() -> None:
    network = decoder((2, 25, 38), 3)
    raw = torch.randn(3, 2, 25, 38)
    network.start_at(raw, gain=0.0)
    assert torch.equal(network(torch.randn(4, 2)), raw.expand(4, -1, -1, -1, -1))


@pytest.mark.parametrize("shape", [(1, 64, 64), (3, 25, 38), (1, 8, 8), (2, 1, 3)])
def test_patches_of_any_size_are_read(shape: Shape) -> None:
    torch.manual_seed(0)
    network = PatchEncoder(shape, channels=4, hidden=8)
    x = torch.rand(3, *shape, requires_grad=True)
    features = network(x)
    assert features.shape == (3, network.features)
    (gradient,) = torch.autograd.grad(features.square().sum(), x)
    assert (gradient != 0).all()  # every pixel is seen


def test_a_training_names_its_network() -> None:
    x = (torch.rand(40, 13, 9, generator=torch.Generator().manual_seed(0)) > 0.5).numpy()
    told: list[str] = []
    model = fit(x, network="broadcast", latent=2, epochs=1, announce=told.append)
    assert any("broadcast network" in line for line in told)
    assert model.reconstruct(x[:3]).shape == (3, 13, 9)


def test_rows_have_no_places() -> None:
    with pytest.raises(UsageError, match="broadcast network needs images"):
        recipes.vae(shape=(5,), likelihood="gaussian", network="broadcast")
