"""What latents do to what is decoded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.func import jacrev, vmap

from variata import fit
from variata.batch import Batch
from variata.distributions import Autoregressive
from variata.shapes import draw_mean
from variata.tasks.slopes import decoded_mean, effects, slopes


def test_slopes_of_a_linear_function_are_its_columns():
    weight = torch.randn(5, 3, dtype=torch.double, generator=torch.Generator().manual_seed(0))
    z = torch.zeros(4, 3, dtype=torch.double)
    found = torch.stack([*slopes(lambda at: at @ weight.T, z, torch.tensor([1.0, 2.0, 30.0]))], -1)
    torch.testing.assert_close(found, weight.expand(4, 5, 3))


def test_effects_are_the_root_mean_square_of_the_jacobian():
    model = fit("digits", latent=3, hidden=(16,), epochs=2, seed=0)
    rows = model.examples(np.arange(64 * 20).reshape(20, 8, 8) % 17)
    z = torch.from_numpy(model.encode(rows))
    decoded = decoded_mean(model, Batch(rows.all().x, rows.all().x))
    jacobian = vmap(jacrev(lambda at: decoded(at[None])[0]))(z)
    expected = jacobian.square().mean((0, 1)).sqrt().double()
    found = effects(model, rows, torch.full((3,), 0.1))
    torch.testing.assert_close(found, expected, rtol=0.01, atol=0.0)


def test_pixels_that_read_others_are_told_them(monkeypatch: pytest.MonkeyPatch):
    small = {"width": 4, "layers": 1, "hidden": (8,), "latent": 2}
    model = fit("digits", "pixel_vae", epochs=1, seed=0, **small)
    monkeypatch.setattr(Autoregressive, "_unrolled", None)  # nothing is drawn pixel by pixel
    rows = model.examples(np.arange(64 * 5).reshape(5, 8, 8) % 17)
    x = rows.all().x
    z = torch.from_numpy(model.encode(rows))
    with torch.no_grad():
        mean = decoded_mean(model, Batch(x, x))(z).view_as(x)
        whole: Any = model.module.observe(Batch(x, x), 1, how=draw_mean).likelihood
        torch.testing.assert_close(mean, whole.given(x).mean[0])
    assert effects(model, rows, torch.ones(2)).min() > 0
