"""Paths between latents: closed forms, geodesics of known metrics, refusals, and films of them."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from untrained import untrained
from variata import fit
from variata.cli.app import run
from variata.errors import UsageError
from variata.pictures import gif_bytes
from variata.tasks.interpolate import latent_path
from variata.tasks.model import Model
from variata.tasks.paths import energy, geodesic, spherical, straight

PAIRS = torch.randn(4, 2, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("i", range(4))
def test_spherical_is_the_closed_form_and_keeps_a_common_norm(i: int) -> None:
    a, b = PAIRS[i]
    b = b * a.norm() / b.norm()
    way = spherical(a, b, 7)
    # Gram and Schmidt: the circle through a and b is a cos + (what of b is orthogonal to a) sin
    across = b - (a @ b) / (a @ a) * a
    across = across * a.norm() / across.norm()
    angle = math.acos(float(a @ b / (a.norm() * b.norm())))
    turned = torch.linspace(0, 1, 7, dtype=torch.float64)[:, None] * angle
    assert torch.allclose(way, turned.cos() * a + turned.sin() * across, atol=1e-12)
    assert torch.allclose(way.norm(dim=1), a.norm().expand(7), rtol=1e-12)


def test_spherical_has_its_ends_and_is_straight_on_a_line_through_the_origin() -> None:
    a, b = PAIRS[0]
    way = spherical(a, b, 4)
    assert torch.allclose(way[[0, -1]], torch.stack([a, b]), atol=1e-12)
    for other in (3 * a, -2 * a, 0 * a):
        assert torch.equal(spherical(a, other, 5), straight(a, other, 5))


def curved(z: Tensor) -> Tensor:
    """Polar coordinates (radius, angle) of a plane, whose geodesics are its straight lines."""
    return torch.stack([z[:, 0] * z[:, 1].cos(), z[:, 0] * z[:, 1].sin()], 1)


def on_ball(z: Tensor) -> Tensor:
    """Latitude and longitude on the unit sphere, whose geodesics are great circles."""
    north, east = z[:, 0], z[:, 1]
    return torch.stack([north.cos() * east.cos(), north.cos() * east.sin(), north.sin()], 1)


def test_geodesic_of_a_linear_decoder_is_the_straight_line() -> None:
    matrix = torch.randn(5, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    a, b = PAIRS[0]
    way = geodesic(lambda z: z @ matrix + 1.0, a, b, 9)
    assert torch.allclose(way, straight(a, b, 9), atol=1e-9)


@pytest.mark.parametrize("steps", [2, 5, 40])
def test_geodesic_in_polar_coordinates_is_the_chord(steps: int) -> None:
    a, b = torch.tensor([[1.0, 0.0], [2.0, 1.2]], dtype=torch.float64)
    points = curved(geodesic(curved, a, b, steps))
    chord = straight(curved(a[None])[0], curved(b[None])[0], steps)
    assert torch.allclose(points, chord, atol=1e-4)


def test_geodesic_on_a_ball_is_the_great_circle() -> None:
    a, b = torch.tensor([[0.7, 0.0], [0.7, 2.0]], dtype=torch.float64)
    points = on_ball(geodesic(on_ball, a, b, 9))
    circle = spherical(*on_ball(torch.stack([a, b])), 9)
    assert torch.allclose(points, circle, atol=1e-3)


@pytest.mark.parametrize("i", range(4))
def test_geodesic_never_has_more_energy_than_the_line_and_leaves_no_gradients(i: int) -> None:
    torch.manual_seed(i)
    network = torch.nn.Sequential(torch.nn.Linear(5, 16), torch.nn.Tanh(), torch.nn.Linear(16, 9))
    a, b = 3 * PAIRS[i].float()
    with torch.no_grad():
        way, line = geodesic(network, a, b, 33), straight(a, b, 33)
        assert energy(network, way) <= energy(network, line)
    assert torch.equal(way[[0, -1]], line[[0, -1]])
    assert all(p.grad is None for p in network.parameters())


def test_a_decoder_that_says_nothing_leaves_the_line() -> None:
    a, b = PAIRS[0]
    assert torch.equal(geodesic(lambda z: 0 * z, a, b, 5), straight(a, b, 5))


@pytest.mark.parametrize("path", ["linear", "spherical", "geodesic"])
def test_model_goes_through_all_stops_and_back(
    path: str, table_model: Model, table: np.ndarray
) -> None:
    a, b, c = table[:3]
    stops = table_model.reconstruct(table[:3])
    way = table_model.interpolate(a, c, 4, through=[b], path=path)
    assert way.shape == (7, 4)
    np.testing.assert_allclose(way[[0, 3, 6]], stops, rtol=1e-4)
    loop = table_model.interpolate(a, c, 4, through=[b], path=path, loop=True)
    assert loop.shape == (9, 4)
    np.testing.assert_allclose(loop[:7], way, rtol=1e-4)
    assert np.array_equal(table_model.interpolate(a, c, 4, path=path, through=[b]), way)


def test_geodesic_of_a_model_has_less_energy(digits_run: Path) -> None:
    from variata import load

    model = load(digits_run)
    z = model.encode("digits")[:2]
    paths = [latent_path(model, z, 33, path, False) for path in ("linear", "geodesic")]
    line, way = (np.square(np.diff(model.decode(p), axis=0)).sum() for p in paths)
    assert way < line


@pytest.mark.parametrize(
    ("name", "path", "said"),
    [
        ("vq_vae", "spherical", "are codes"),
        ("joint_vae", "geodesic", "are codes"),
        ("ladder_vae", "spherical", "2 levels"),
        ("pixel_vae", "geodesic", "pixel by pixel"),
        ("vae", "sperical", "Did you mean 'spherical'"),
    ],
)
def test_paths_without_a_meaning_are_refused(name: str, path: str, said: str) -> None:
    model = untrained(name, "binary images of odd size")
    stops = np.zeros((2, model.latent), np.float32)
    with pytest.raises(UsageError, match=said):
        latent_path(model, stops, 3, path, False)


@pytest.mark.parametrize("data", ["rows", "categories", "counts"])
@pytest.mark.parametrize("name", ["vae", "ladder_vae"])
def test_geodesics_exist_for_every_likelihood_and_several_levels(name: str, data: str) -> None:
    model = untrained(name, data)
    stops = np.random.default_rng(0).normal(size=(2, model.latent)).astype(np.float32)
    way = latent_path(model, stops, 5, "geodesic", False)
    assert way.shape == (5, model.latent)
    assert np.isfinite(way).all()
    np.testing.assert_allclose(way[[0, -1]], stops, rtol=1e-6)


def test_one_step_is_no_path(table_model: Model, table: np.ndarray) -> None:
    with pytest.raises(UsageError, match="at least 2 steps"):
        table_model.interpolate(table[0], table[1], 1)


def test_geodesic_under_a_condition(table: np.ndarray) -> None:
    model = fit(table, condition=["a", "b"] * 200, latent=2, hidden=(8,), epochs=1)
    way = model.interpolate(table[0], table[1], 3, path="geodesic", condition="b")
    np.testing.assert_allclose(way[[0, -1]], model.given("b").reconstruct(table[:2]), rtol=1e-4)


def frames(film: bytes) -> list[np.ndarray]:
    with Image.open(io.BytesIO(film)) as image:
        found = []
        for i in range(image.n_frames):  # type: ignore[attr-defined]
            image.seek(i)
            found.append(np.asarray(image.convert("L")))
        return found


def test_films_hold_every_grey_frame_as_it_is_and_its_time() -> None:
    shown = np.random.default_rng(0).integers(0, 256, (5, 6, 8), np.uint8)
    film = gif_bytes(list(shown), fps=25)
    assert np.array_equal(np.stack(frames(film)), shown)
    with Image.open(io.BytesIO(film)) as image:
        assert (image.info["duration"], image.info["loop"]) == (40, 0)
    with pytest.raises(UsageError, match="up to 50 frames"):
        gif_bytes(list(shown), fps=60)


def test_a_film_of_paths_that_loop(digits_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "film.gif"
    options = ["--stops", "3", "--steps", "4", "-n", "2", "--loop", "--path", "spherical"]
    assert run(["interpolate", str(digits_run), *options, "--fps", "5", "--out", str(out)]) == 0
    assert len(frames(out.read_bytes())) == 3 * (4 - 1)


def test_a_film_of_a_table_is_refused(
    table_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit(table_csv, latent=2, hidden=(8,), epochs=1, out=tmp_path / "run")
    out = tmp_path / "film.gif"
    assert run(["interpolate", str(tmp_path / "run"), "--out", str(out)]) == 2
    assert "of images" in capsys.readouterr().err
    assert not out.exists()
