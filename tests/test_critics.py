"""Critics of latents: what they converge to, what they cost, and who feels it."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from latents import gaussian_trace, point_trace, told
from variata import recipes
from variata.batch import Batch
from variata.models import Trace
from variata.objectives import DensityRatio, LatentCritic, Player
from variata.objectives.density_ratio import shuffled
from variata.schedules import Moment


def taught(critic: Player, sample: object, steps: int = 300) -> None:
    """Train a critic alone on traces that `sample(rows)` draws."""
    optimiser = torch.optim.Adam(critic.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        trace = sample(256)  # type: ignore[operator]
        loss = critic.loss(None, trace, Moment()).mean()  # type: ignore[arg-type]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_the_density_ratio_recovers_a_known_total_correlation(correlation: float) -> None:
    torch.manual_seed(0)
    root = torch.linalg.cholesky(torch.tensor([[1.0, correlation], [correlation, 1.0]]))

    def sample(rows: int) -> Trace:
        return point_trace(torch.randn(1, rows, 2) @ root.T)

    critic = DensityRatio(2, width=64)
    taught(critic, sample)
    exact = -0.5 * math.log(1 - correlation**2)
    with torch.no_grad():
        assert float(told(critic, sample(20_000)).mean()) == pytest.approx(exact, abs=0.08)


@pytest.mark.parametrize("informed", [False, True])
def test_the_latent_critic_learns_the_ratio_of_prior_and_posterior(informed: bool) -> None:
    torch.manual_seed(0)

    def sample(rows: int) -> Trace:
        return gaussian_trace(torch.full((rows, 2), 0.7), torch.full((rows, 2), 0.8))

    critic = LatentCritic(2, width=64, informed=informed)
    taught(critic, sample)
    stage = sample(5000).stages[0]
    assert stage.q is not None
    with torch.no_grad():
        exact = stage.p.log_prob(stage.z) - stage.q.log_prob(stage.z)
        assert float((critic.logit(stage, stage.z) - exact).abs().mean()) < 0.15


def test_an_untaught_critic_tells_nothing() -> None:
    trace = gaussian_trace(torch.randn(7, 3), torch.ones(7, 3), k=2)
    chance = torch.full((2, 7), math.log(2))
    torch.testing.assert_close(told(LatentCritic(3), trace), chance)
    torch.testing.assert_close(told(DensityRatio(3), trace), torch.zeros(2, 7))
    for critic in (LatentCritic(3), DensityRatio(3)):
        own = critic.loss(None, trace, Moment())  # type: ignore[arg-type]
        torch.testing.assert_close(own, chance)


def test_an_informed_critic_starts_with_the_density_of_the_prior() -> None:
    torch.manual_seed(0)
    stage = gaussian_trace(torch.zeros(20_000, 3), torch.ones(20_000, 3)).stages[0]
    logit = LatentCritic(3, informed=True).logit(stage, stage.z)
    torch.testing.assert_close(logit, 1.5 - 0.5 * stage.z.square().sum(-1))
    assert abs(float(logit.detach().mean())) < 0.05


def test_the_model_s_loss_does_not_saturate_where_the_critic_is_sure() -> None:
    critic = LatentCritic(2, informed=True)
    z = torch.full((1, 1, 2), 10.0, requires_grad=True)  # D is exp(-99)
    loss = told(critic, point_trace(z)).sum()
    [gradient] = torch.autograd.grad(loss, z)
    torch.testing.assert_close(gradient, z.detach())  # that of -log p(z), undiminished


def test_shuffling_keeps_each_dimension_and_breaks_their_ties() -> None:
    torch.manual_seed(0)
    z = torch.randn(2, 4000, 1).expand(2, 4000, 3)
    mixed = shuffled(z)
    torch.testing.assert_close(mixed.sort(1).values, z.sort(1).values, rtol=0, atol=0)
    off = torch.corrcoef(mixed[0].T) - torch.eye(3)
    assert off.abs().max() < 0.06


@pytest.mark.parametrize("k", [1, 3])
def test_a_batch_of_one_is_a_batch_like_any_other(k: int) -> None:
    trace = gaussian_trace(torch.randn(1, 2), torch.ones(1, 2), k)
    for critic in (LatentCritic(2), LatentCritic(2, informed=True), DensityRatio(2)):
        assert told(critic, trace).shape == (k, 1)
        assert critic.loss(None, trace, Moment()).isfinite().all()  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["factor_vae", "wae_gan", "aae"])
def test_the_model_does_not_feel_the_critic_s_loss(name: str) -> None:
    torch.manual_seed(0)
    made, x = recipes.build(name, shape=(4,), latent=2, hidden=(8,)), torch.randn(9, 4)
    trace, moment = made.model.observe(Batch(x, x)), Moment(progress=1.0)
    [(weighed, critic)] = made.phases[0].objective.players.items()
    for parameter in critic.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    parameters = list(made.model.parameters())
    own = critic.loss(made.model, trace, moment).mean()
    felt = torch.autograd.grad(own, parameters, allow_unused=True, retain_graph=True)
    assert all(gradient is None for gradient in felt)
    assert any(float(g.abs().sum()) > 0 for g in _own_gradients(own, critic))
    encoder = list(made.model.encoder.parameters())
    paid = made.phases[0].objective(made.model, trace, moment).terms[weighed]
    assert all(float(g.abs().sum()) > 0 for g in torch.autograd.grad(paid, encoder))


def _own_gradients(loss: Tensor, critic: Player) -> tuple[Tensor, ...]:
    return torch.autograd.grad(loss, list(critic.parameters()))
