"""Diffusions against distributions whose velocity and density are known."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from compiled import NEEDS_COMPILER
from variata.conditionals import DiffusionPrior
from variata.distributions import Diffusion
from variata.metrics import mmd_imq
from variata.nn import ProbabilityFlow, Rescaling, TimedMLP
from variata.tasks import prior_fits
from variata.training import Settings

F64 = torch.float64


class Known(nn.Module):
    """The velocity of a mixture of Gaussians that is on its way to N(0, I), in closed form.

    At angle a, component c is N(cos m_c, cos^2 S + sin^2), under which noise and x are linear in z.
    """

    def __init__(self, means: Tensor, covariance: Tensor) -> None:
        super().__init__()
        self.means, self.covariance = means, covariance

    def parts(self, angle: Tensor) -> tuple[Tensor, Tensor]:
        cos, sin = angle.cos(), angle.sin()
        return cos * self.means, cos**2 * self.covariance + sin**2 * torch.eye(len(self.covariance))

    def forward(self, z: Tensor, angle: Tensor) -> Tensor:
        cos, sin = angle.cos(), angle.sin()
        means, covariance = self.parts(angle)
        away = z[:, None] - means
        scaled = away @ torch.linalg.inv(covariance)
        share = (-(away * scaled).sum(-1) / 2).softmax(-1)[..., None]
        x = self.means + cos * scaled @ self.covariance
        return (share * (cos * sin * scaled - sin * x)).sum(1)

    def log_prob(self, x: Tensor) -> Tensor:
        parts = torch.distributions.MultivariateNormal(self.means, self.covariance)
        return parts.log_prob(x[:, None]).logsumexp(-1) - math.log(len(self.means))


def gaussian(size: int) -> Known:
    """Correlated, with variances from 0.1 to 1.9."""
    turned = torch.linalg.qr(torch.randn(size, size, dtype=F64))[0]
    return Known(
        torch.zeros(1, size, dtype=F64), turned * torch.linspace(0.1, 1.9, size) @ turned.T
    )


def two_modes() -> Known:
    """On a line, standard deviation 0.2 each."""
    return Known(torch.tensor([[-0.9], [0.9]], dtype=F64), 0.04 * torch.eye(1, dtype=F64))


@pytest.fixture(autouse=True)
def _double() -> Any:
    before = torch.get_default_dtype()
    torch.set_default_dtype(F64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(before)


def diffusion(field: nn.Module, size: int, steps: int) -> Diffusion:
    return Diffusion([ProbabilityFlow(field, steps)], torch.zeros(size))


def test_the_true_velocity_of_a_standard_gaussian_is_none() -> None:
    field = Known(torch.zeros(1, 3), torch.eye(3))
    torch.testing.assert_close(field(torch.randn(5, 3), torch.tensor([0.7])), torch.zeros(5, 3))


@pytest.mark.parametrize("size", [1, 2, 5])
def test_the_density_of_a_gaussian_is_right(size: int) -> None:
    """In 16 steps to 0.25 nats at each x, and to 0.15 on the mean; in 128 to 0.03 at each."""
    field = gaussian(size)
    x = torch.distributions.MultivariateNormal(field.means[0], field.covariance).sample((500,))
    coarse, fine = (diffusion(field, size, n).log_prob(x) - field.log_prob(x) for n in (16, 128))
    assert float(coarse.mean().abs()) < 0.15
    assert float(coarse.abs().max()) < 0.25
    assert float(fine.abs().max()) < 0.03


def test_a_density_integrates_to_one_and_is_that_of_two_modes() -> None:
    field = two_modes()
    line = torch.linspace(-3, 3, 601)[:, None]
    density = diffusion(field, 1, 32).log_prob(line).exp()
    assert float(density.sum() * 0.01) == pytest.approx(1, abs=0.01)
    torch.testing.assert_close(density, field.log_prob(line).exp(), rtol=0, atol=0.02)


def test_draws_of_two_modes_have_their_moments_and_steps_decide_how_well() -> None:
    field = two_modes()
    draws = [diffusion(field, 1, n).sample(torch.Size((20_000,))) for n in (2, 16)]
    off = [abs(float(x.square().mean()) - 0.85) for x in draws]
    assert off[1] < 0.02 < off[0]
    torch.manual_seed(0)
    again = diffusion(field, 1, 16).sample(torch.Size((7,)))
    torch.manual_seed(0)
    assert torch.equal(again, diffusion(field, 1, 16).sample(torch.Size((7,))))


@pytest.mark.parametrize("size", [2, 4])
def test_steps_back_undo_steps_up_to_their_error(size: int) -> None:
    flow = ProbabilityFlow(gaussian(size), 64)
    x = torch.randn(100, size)
    torch.testing.assert_close(flow.inverse(flow(x)[0]), x, rtol=0, atol=2e-3)


def test_the_volume_change_is_exact_over_orthogonal_directions() -> None:
    """Of an unchanging linear field, z' = A z: tr A at every x, and the same for any rows."""
    a = torch.randn(4, 4)
    linear = nn.Linear(4, 4, bias=False)
    linear.weight.data = a

    class Still(nn.Module):
        def forward(self, z: Tensor, angle: Tensor) -> Tensor:
            return linear(z)

    flow = ProbabilityFlow(Still(), 4)
    flow.angles = torch.linspace(0, 1, 5).tolist()
    torch.testing.assert_close(flow(torch.randn(6, 4))[1], a.trace().expand(6))


def test_the_density_of_a_row_does_not_depend_on_the_others() -> None:
    p = DiffusionPrior(3, 16, 2, 5)
    nn.init.normal_(p.diffusion.field.output.weight)  # type: ignore[union-attr, arg-type]
    z = torch.randn(2, 6, 3)
    whole = p(None).log_prob(z)
    torch.testing.assert_close(p(None).log_prob(z[1, 2:3]), whole[1, 2:3])
    with torch.inference_mode():
        torch.testing.assert_close(p(None).log_prob(z), whole.detach())


def test_the_error_of_the_velocity_is_least_where_it_is_true() -> None:
    """And of no velocity on N(0, I), E |cos e - sin x|^2 = L."""
    field = gaussian(3)
    x = torch.distributions.MultivariateNormal(field.means[0], field.covariance).sample((20_000,))

    class Off(nn.Module):
        def __init__(self, by: float) -> None:
            super().__init__()
            self.by = by

        def forward(self, z: Tensor, angle: Tensor) -> Tensor:
            return field(z, angle[:, None, None]) + self.by

    errors = []
    for by in (0.0, 0.3, -0.3):
        torch.manual_seed(1)
        errors.append(float(diffusion(Off(by), 3, 2).velocity_error(x).mean()))
    assert errors[0] < min(errors[1:]) - 0.2
    none = diffusion(TimedMLP(3, 8, 1), 3, 2).velocity_error(torch.randn(20_000, 3)).detach()
    assert float(none.mean()) == pytest.approx(3, abs=0.1)


def test_latents_of_any_scale_are_standardised() -> None:
    prior = DiffusionPrior(2, 8, 1, 4)
    z = torch.randn(5_000, 2) * 500 + 1_000
    prior.standardise(z)
    density = float(prior(None).log_prob(z).detach().mean())
    best = -2 * (math.log(500) + 0.5 * math.log(2 * math.pi) + 0.5)
    assert density == pytest.approx(best, abs=0.05)


def test_a_fit_learns_a_mixture_on_a_plane() -> None:
    """Moments to 0.1, MMD to 0.004, and a mean log p within 0.15 nats of the truth."""
    torch.set_default_dtype(torch.float32)
    centres = torch.tensor([[-2.0, 0.0], [2.0, 1.0], [0.0, 5.0]])
    z = centres[torch.randint(3, (6_000,))] + torch.tensor([0.3, 0.6]) * torch.randn(6_000, 2)
    parts = torch.distributions.Normal(centres, torch.tensor([0.3, 0.6]))
    prior = DiffusionPrior(2, 64, 2, 16)
    settings = replace(prior_fits.DIFFUSION, epochs=60, batch_size=250, threads=1)
    learning, choosing = prior_fits.Latents(z[1_000:]), prior_fits.Latents(z[:1_000])
    prior.standardise(learning.z)
    objective = prior_fits.TRAINED["diffusion"][1]
    prior_fits.fit_network(prior, objective, learning, choosing, settings, [])
    with torch.no_grad():
        drawn = prior(None).sample(torch.Size((4_000,)))
        ours = prior(None).log_prob(choosing.z).mean()
    truth = parts.log_prob(choosing.z[:, None]).sum(-1).logsumexp(-1).mean() - math.log(3)
    np.testing.assert_allclose(drawn.mean(0), z.mean(0), atol=0.1)
    np.testing.assert_allclose(drawn.T.cov(), z.T.cov(), atol=0.3)
    assert mmd_imq(drawn, z[:4_000]) < 0.004
    assert float(ours) == pytest.approx(float(truth), abs=0.15)


@NEEDS_COMPILER
def test_compiled_steps_learn_as_others_do() -> None:
    torch.set_default_dtype(torch.float32)
    rows, found = prior_fits.Latents(torch.randn(300, 3) ** 3), []
    for compiling in ("on", "off"):
        torch.manual_seed(0)
        prior = DiffusionPrior(3, 16, 2, 4)
        settings = Settings(epochs=8, batch_size=50, threads=1, compile=compiling, precision="fp32")
        objective = prior_fits.TRAINED["diffusion"][1]
        prior_fits.fit_network(prior, objective, rows, rows, settings, [])
        found.append(prior.diffusion.state_dict())
    torch.testing.assert_close(found[0], found[1], rtol=1e-3, atol=1e-3)


def test_rescaling_takes_what_it_is_given() -> None:
    rescaling, x = Rescaling(2), torch.tensor([[0.0, 5.0], [2.0, 5.0]])
    rescaling.take(x)
    assert rescaling.mean.tolist() == [1.0, 5.0]
    assert rescaling.scale.tolist() == pytest.approx([math.sqrt(2), 1e-3])
