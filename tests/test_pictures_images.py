"""Grids, strips, profiles and maps: what is drawn, and that nothing global is touched."""

from __future__ import annotations

import io

import matplotlib as mpl
import numpy as np
import pytest
import torch
from PIL import Image

from variata.errors import DataError, ShapeError, UsageError
from variata.pictures import (
    column_changes,
    column_histograms,
    grid,
    image_panels,
    interpolation,
    latent_histograms,
    latent_map,
    manifold_grid,
    png_bytes,
    profile_grid,
    profile_paths,
    profile_traversal,
    project,
    rate_bars,
    reconstructions,
    training_curves,
    traversal,
)
from variata.pictures.maps import _groups


def decoded(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def test_grid_by_hand():
    images = np.array([[[0.0]], [[1.0]], [[0.5]]])
    expected = [[0, 255, 255], [255, 255, 255], [128, 255, 255]]
    assert grid(images, columns=2, pad=1, scale=1).tolist() == expected


def test_grid_enlarges_without_mixing_values():
    image = torch.rand(1, 8, 8, generator=torch.Generator().manual_seed(0))
    big = grid(image)
    assert big.shape == (56, 56)
    assert np.array_equal(big[3::7, 3::7], np.rint(image[0].numpy() * 255).astype(np.uint8))


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((5, 1, 28, 28), (114, 172)), ((4, 3, 64, 64), (130, 130, 3)), ((1, 100, 3), (1900, 57))],
)
def test_grid_shapes(shape, expected):
    assert grid(np.zeros(shape)).shape == expected


def test_grid_cuts_off_and_refuses():
    assert grid(np.array([[[-3.0, 7.0]]]), scale=1).tolist() == [[0, 255]]
    with pytest.raises(ShapeError, match="1 or 3 channels"):
        grid(np.zeros((2, 5, 8, 8)))
    with pytest.raises(ShapeError):
        grid(np.zeros((2, 8)))
    with pytest.raises(DataError):
        grid(np.full((1, 2, 2), np.nan))
    with pytest.raises(DataError):
        grid(np.zeros((0, 2, 2)))


def test_png_is_exact():
    array = grid(np.random.default_rng(0).random((4, 3, 8, 8)))
    assert np.array_equal(decoded(png_bytes(array)), array)


def test_strips_show_every_pixel_unchanged():
    image = np.random.default_rng(0).random((2, 8, 8))
    picture = decoded(reconstructions({"data": image[:1], "rebuilt": image[1:]}))[..., 0]
    block = grid(image[:1])
    width = picture.shape[1]
    windows = np.lib.stride_tricks.sliding_window_view(picture, block.shape)
    assert (windows[:, width - 10 - 56] == block).all((1, 2)).sum() == 1


def test_traversal_puts_the_highest_rate_first():
    dark, light = np.zeros((1, 3, 8, 8)), np.full((1, 3, 8, 8), 0.6)
    frames = np.concatenate([light, dark])
    picture = decoded(traversal(frames, [0, 1], [0.1, 5.0], [-1, 0, 1]))[:, -30, 0]
    assert np.flatnonzero(picture == 0)[0] < np.flatnonzero(picture == 153)[0]


def test_strips_refuse_what_does_not_fit():
    with pytest.raises(ShapeError, match="one shape"):
        reconstructions({"a": np.zeros((3, 8, 8)), "b": np.zeros((2, 8, 8))})
    with pytest.raises(ShapeError, match="2 dims"):
        traversal(np.zeros((2, 3, 8, 8)), [0], [1.0], [0, 1, 2])
    with pytest.raises(ShapeError):
        interpolation(np.zeros((3, 8)))


def test_no_figure_changes_matplotlib():
    before = dict(mpl.rcParams)
    lines = np.random.default_rng(0).normal(size=(3, 4))
    profile_grid(lines, lines + 0.1, title="t")
    moved = lines[None].repeat(2, 0)
    profile_traversal(moved, [0, 1], [1.0, 2.0], [-1, 0, 1])
    column_histograms(lines, list("abcd"), lines + 0.1)
    column_changes(moved, [0, 1], [1.0, 2.0], [-1, 0, 1])
    interpolation(np.zeros((1, 3, 8, 8)))
    latent_map(lines[:, :2], [0, 1, -1])
    assert dict(mpl.rcParams) == before


def test_same_picture_same_bytes():
    points = np.random.default_rng(0).normal(size=(50, 2))
    assert latent_map(points, np.arange(50) % 3) == latent_map(points, np.arange(50) % 3)


def test_profiles_refuse_what_does_not_fit():
    with pytest.raises(ShapeError, match="2 places"):
        profile_grid([[1.0, 2.0]], at=[1.0])
    with pytest.raises(DataError):
        profile_grid([[1.0, float("nan")]])
    with pytest.raises(ShapeError):
        profile_traversal(np.zeros((1, 2, 3)), [0], [1.0], [0.0])
    with pytest.raises(ShapeError):
        profile_paths(np.zeros((2, 3)))


def test_project_by_each_method():
    z = np.random.default_rng(0).normal(size=(60, 3)) * [1.0, 0.1, 5.0]
    points, rows = project(z, "latent", limit=20, seed=1)
    assert np.array_equal(points, z[rows][:, :2])
    assert len(rows) == 20
    plane, _ = project(z, "pca")
    assert abs(np.corrcoef(plane[:, 0], z[:, 2])[0, 1]) > 0.99
    assert project(z, "tsne")[0].shape == (60, 2)
    assert project(z[:, :1])[0].shape == (60, 2)
    with pytest.raises(UsageError, match="Did you mean 'tsne'"):
        project(z, "tnse")
    with pytest.raises(ShapeError):
        project(z[:2])


def test_every_class_has_its_own_mark_and_the_rarest_share_one():
    labels = np.repeat(np.arange(22), 3)[:-2]
    groups = _groups(np.zeros((len(labels), 2)), labels, None)
    marks = [(group.colour, group.marker) for group in groups]
    assert len(groups) == 21
    assert len(set(marks)) == 21
    assert groups[-1].name == "other"
    assert sum(len(group.points) for group in groups) == len(labels)


def test_manifold_rises_to_the_right_and_upwards():
    def decode(z: torch.Tensor) -> torch.Tensor:
        return ((z @ torch.tensor([[1.0], [2.0]])) / 20 + 0.5)[..., None, None]

    picture = manifold_grid(decode, n=5).astype(int)
    assert picture.shape == (140, 140)
    assert (np.diff(picture[::28, ::28], axis=1) > 0).all()
    assert (np.diff(picture[::28, ::28], axis=0) < 0).all()


def test_charts_draw_and_refuse():
    steps = list(range(100))
    series = {"elbo": (steps, [-1e6, *(-100.0 + s for s in steps[1:])]), "rate": (steps, steps)}
    pngs = [
        training_curves(series, {"elbo": (steps[::10], steps[::10])}, (steps, steps)),
        rate_bars(torch.rand(70), torch.rand(70) > 0.5),
        latent_histograms(torch.randn(50, 3), torch.rand(3)),
    ]
    assert all(decoded(png).std() > 1 for png in pngs)
    with pytest.raises(UsageError):
        training_curves({})
    with pytest.raises(ShapeError):
        training_curves({"elbo": ([0, 1], [1.0])})
    with pytest.raises(ShapeError):
        rate_bars([1.0, 2.0], [True])
    with pytest.raises(ShapeError):
        latent_histograms(np.zeros((5, 2)), [1.0])


def test_panels_of_unequal_number_do_not_overlap():
    few, many = np.zeros((2, 1, 8, 8)), np.zeros((24, 1, 8, 8))
    pixels = decoded(image_panels({"data": few, "vae": many}))
    assert pixels.shape == decoded(image_panels({"data": many, "vae": many})).shape
    dark = (pixels < 20).all(-1)
    halves = np.split(dark[40:], [dark.shape[1] // 2], axis=1)  # below the names
    assert halves[1].sum() == 12 * halves[0].sum()
    one = decoded(image_panels({"data": few}))
    assert (one[40:] < 20).all(-1).sum() == halves[0].sum()
