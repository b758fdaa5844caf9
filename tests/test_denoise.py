"""Denoising: what is shown to the encoder, what is measured, and noisy values beyond the data."""

from __future__ import annotations

import json
import math
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from test_interrupt import FROM_A_STEP, interrupted, same
from variata import fit, load
from variata.batch import Batch
from variata.cli.app import run
from variata.data import Schema, corruption, infer_schema
from variata.data.corruptions import checked_corruption
from variata.errors import DataError, ShapeError, UsageError
from variata.metrics import psnr, ssim
from variata.noise import Place, placed
from variata.tasks.denoise import corrupted, fidelity, noisy_rows
from variata.tasks.model import Model
from variata.tasks.plan import compose
from variata.tasks.show import in_own_units
from variata.tasks.source import DataOptions, prepare_data, reopened
from variata.tasks.train import resume
from variata.training import Settings

IMAGES = torch.rand(64, 3, 9, 7, generator=torch.Generator().manual_seed(0))
GREY = np.arange(64 * 81, dtype=np.uint8).reshape(64, 9, 9)


@pytest.fixture(scope="module")
def denoiser(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "denoiser"
    asked: dict[str, Any] = {"corrupt": {"gaussian": 0.5}, "hidden": (64, 64), "latent": 8}
    fit("digits", epochs=25, out=folder, **asked)
    return folder


def seen(corrupt: dict[str, float], x: torch.Tensor, schema: Schema | None = None) -> torch.Tensor:
    view = corruption(corrupt, schema or infer_schema(GREY))
    assert view is not None
    torch.manual_seed(0)
    shown = view(Batch(x, x))
    assert shown.x is x
    return shown.seen


def test_gaussian_noise_has_its_moments() -> None:
    added = seen({"gaussian": 0.5}, IMAGES) - IMAGES
    count = added.numel()
    assert float(added.mean()) == pytest.approx(0, abs=4 * 0.5 / math.sqrt(count))
    assert float(added.std()) == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(2 * count))


def test_shares_of_pixels_are_replaced_in_all_channels() -> None:
    for name, values in (("salt_and_pepper", {0.0, 1.0}), ("mask", {0.0})):
        shown = seen({name: 0.3}, IMAGES)
        moved = (shown != IMAGES).all(1)
        assert torch.equal(moved, (shown != IMAGES).any(1))
        assert set(shown.movedim(1, -1)[moved].unique().tolist()) == values
        error = 4 * math.sqrt(0.21 / moved.numel())
        assert float(moved.float().mean()) == pytest.approx(0.3, abs=error)
    assert float((seen({"salt_and_pepper": 1.0}, IMAGES)).mean()) == pytest.approx(0.5, abs=0.04)


def test_blur_is_the_gaussian_and_keeps_sums() -> None:
    x = torch.zeros(1, 1, 31, 31)
    x[0, 0, 15, 15] = 1
    shown = seen({"blur": 2.0}, x)[0, 0].double()
    at = torch.arange(31, dtype=torch.float64) - 15
    assert float(shown.sum()) == pytest.approx(1, abs=1e-6)
    assert float((shown.sum(0) * at.square()).sum()) == pytest.approx(4, rel=0.04)  # cut at 3 sd
    torch.testing.assert_close(shown, shown.T)


def test_several_are_applied_in_order() -> None:
    both = seen({"mask": 1.0, "gaussian": 0.1}, IMAGES)
    assert float(both.std()) == pytest.approx(0.1, rel=0.1)
    assert not seen({"gaussian": 0.1, "mask": 1.0}, IMAGES).any()


@pytest.mark.parametrize("name", ["gaussian", "salt_and_pepper", "mask"])
def test_noise_belongs_to_a_rows_place(name: str) -> None:
    whole = seen({name: 0.5}, IMAGES)
    with placed(Place(16, 40, 64)):
        assert torch.equal(seen({name: 0.5}, IMAGES[16:40]), whole[16:40])


def test_what_cannot_be_is_refused() -> None:
    rows = infer_schema(np.random.default_rng(0).normal(size=(9, 3)))
    counts = infer_schema(np.random.default_rng(0).poisson(9.0, (90, 3)), likelihood="poisson")
    for name, schema, wanted in (
        ("salt_and_pepper", rows, "grey levels"),
        ("blur", rows, "images"),
        ("gaussian", counts, "no counts"),
    ):
        with pytest.raises(DataError, match=wanted):
            corruption({name: 0.5}, schema)
    assert corruption({"mask": 0.5}, counts) is not None
    for wrong in ({"gausian": 0.5}, {"mask": 1.5}, {"gaussian": 0}, {"gaussian": "x"}, "gaussian"):
        with pytest.raises(UsageError):
            checked_corruption(wrong)
    with pytest.raises(UsageError, match="Did you mean 'gaussian'"):
        fit("digits", corrupt={"gausian": 0.5})


def test_every_phase_is_seen_corrupted_and_explains_the_clean() -> None:
    settings = Settings(corrupt={"mask": 1.0})
    prepared = prepare_data(np.repeat(GREY, 3, 1).repeat(3, 2), DataOptions(), 0)
    made = compose("vae", prepared, {"hidden": (8,), "latent": 2}, settings)
    assert len(made.phases) == 2
    for phase in made.phases:
        batch = phase.view(prepared.splits.train.gather(torch.arange(20)))  # type: ignore[misc]
        assert not batch.seen.any()
        assert batch.x.any()


def test_a_resumed_denoiser_has_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {"corrupt": {"gaussian": 0.3}, "hidden": (8,), "latent": 2}

    def work() -> Model:
        return fit("digits", epochs=6, threads=1, save_every=1e-9, out=tmp_path / "run", **asked)

    interrupted(monkeypatch, FROM_A_STEP["validating"], signal.SIGTERM, 2, work)
    assert same(resume(tmp_path / "run"), fit("digits", epochs=6, threads=1, **asked))


def test_psnr_of_a_constant_error() -> None:
    x = np.random.default_rng(0).uniform(0, 255, (5, 1, 8, 8))
    found = psnr(x, x + 25.5, peak=255)
    assert found.mean == pytest.approx(20)
    assert found.se == pytest.approx(0, abs=1e-9)


def test_ssim_of_constant_images_and_of_a_constant_shift() -> None:
    a, b = torch.full((2, 1, 16, 16), 0.2), torch.full((2, 1, 16, 16), 0.7)
    c1, c2 = 0.01**2, 0.03**2
    assert ssim(a, b).mean == pytest.approx((2 * 0.14 + c1) / (0.04 + 0.49 + c1), rel=1e-6)
    stripes = torch.tensor([0.0, 1.0]).repeat(1, 1, 32, 16)  # alike in every window, but for 1e-4
    inverse = ssim(stripes, 1 - stripes).mean
    assert inverse == pytest.approx((-2 * 0.25 + c2) / (2 * 0.25 + c2), abs=1e-3)
    with pytest.raises(ShapeError):
        ssim(a, b[:1])


def test_values_beyond_the_levels_go_through(denoiser: Path) -> None:
    model = load(denoiser)
    rows = reopened(model.saved.about["data"]).test
    noisy = corrupted(model, rows, seed=3)
    own = in_own_units(noisy)
    assert own.min() < 0
    assert own.max() > 16
    cleaned = model.denoise(own)
    np.testing.assert_allclose(cleaned, model.denoise(noisy), atol=1e-4)
    with pytest.raises(DataError):
        model.reconstruct(own)
    exact = noisy_rows(model, in_own_units(rows)).gather(torch.arange(9)).x
    torch.testing.assert_close(exact, rows.gather(torch.arange(9)).x)
    assert infer_schema(np.ones((3, 2)) * 0.3).loosened().kind == "real"


def test_cleaned_rows_are_nearer_to_the_clean(denoiser: Path) -> None:
    model = load(denoiser)
    rows = reopened(model.saved.about["data"]).test
    noisy, clean = in_own_units(corrupted(model, rows)), in_own_units(rows)
    before, after = (
        fidelity(model.schema, clean, values) for values in (noisy, model.denoise(noisy))
    )
    assert before["rms"].mean == pytest.approx(8, rel=0.03)  # 0.5 of 16 levels
    assert after["psnr"].mean > before["psnr"].mean + 6
    assert after["ssim"].mean > before["ssim"].mean
    with pytest.raises(DataError, match="give as many"):
        fidelity(model.schema, clean[1:], noisy)


def test_command_line(
    denoiser: Path, digits_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def call(*words: object) -> int:
        return run(["denoise", *map(str, words)])

    picture, values = tmp_path / "x.png", tmp_path / "x.npy"
    assert call(denoiser, "-o", picture, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["cleaned"]["psnr"]["mean"] > told["noisy"]["psnr"]["mean"]
    with Image.open(picture) as image:
        assert min(image.size) > 100
    model = load(denoiser)
    noisy, clean = tmp_path / "noisy.npy", tmp_path / "clean.npy"
    rows = reopened(model.saved.about["data"]).test
    np.save(noisy, in_own_units(corrupted(model, rows)))
    np.save(clean, in_own_units(rows))
    assert call(denoiser, noisy, "--clean", clean, "-o", values, "--json") == 0
    assert json.loads(capsys.readouterr().out)["cleaned"] == told["cleaned"]
    assert np.load(values).shape == (180, 8, 8)
    assert call(digits_run, clean, "--corrupt", "mask=0.3", "-o", values) == 0
    assert call(digits_run, noisy, "-o", values) == 0
    assert "trained on clean rows" in capsys.readouterr().err
    for words, code in (
        ([digits_run], 2),
        ([denoiser, clean, "--corrupt", "mask"], 2),
        ([denoiser, "--clean", clean], 2),
        ([denoiser, noisy, "-o", noisy], 2),
    ):
        assert call(*words) == code


def test_train_takes_corruptions(tmp_path: Path) -> None:
    asked = ["--corrupt", "gaussian=.2", "--corrupt", "blur=1", "--epochs", "1", "--hidden", "8"]
    assert run(["train", "digits", *asked, "-q", "--out", str(tmp_path / "r")]) == 0
    model = load(tmp_path / "r")
    assert model.saved.about["settings"]["corrupt"] == {"gaussian": 0.2, "blur": 1.0}
    config = tmp_path / "c.yaml"
    config.write_text("data: digits\nepochs: 1\nhidden: [8]\ncorrupt: {mask: 0.5}\n")
    assert run(["train", "--config", str(config), "-q", "--out", str(tmp_path / "s")]) == 0
    assert load(tmp_path / "s").saved.about["settings"]["corrupt"] == {"mask": 0.5}
