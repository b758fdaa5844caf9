"""What latents do to what is decoded."""

from __future__ import annotations

import numpy as np
import torch
from torch.func import jacrev, vmap

from variata import fit
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
    decoded = decoded_mean(model, None)
    jacobian = vmap(jacrev(lambda at: decoded(at[None])[0]))(z)
    expected = jacobian.square().mean((0, 1)).sqrt().double()
    found = effects(model, rows, torch.full((3,), 0.1))
    torch.testing.assert_close(found, expected, rtol=0.01, atol=0.0)
