"""Levels of Gaussian latents that know those above them."""

from __future__ import annotations

import pytest
import torch

from latents import joint_weight
from variata import recipes
from variata.batch import Batch
from variata.conditionals import GaussianPrior
from variata.recipes import Composition
from variata.shapes import draw_mean


def made(**more: int) -> Composition:
    torch.manual_seed(0)
    return recipes.ladder_vae(shape=(6,), latent=2, hidden=(16,), steps=3, width=8, **more)


def test_weights_are_the_joint_density_over_that_of_the_posteriors() -> None:
    model, x = made().model, torch.randn(5, 6)
    trace = model.observe(Batch(x, x), k=4)
    torch.testing.assert_close(trace.log_weight(), joint_weight(model, trace))


def test_the_rate_of_every_step_is_exact() -> None:
    """A closed divergence given what lies above, which the mean of its estimates comes to."""
    model, x = made().model, torch.randn(3, 6)
    trace = model.observe(Batch(x, x), k=4_000)
    assert all(stage.exact for stage in trace.stages)
    for stage in trace.stages:
        closed, drawn = stage.rate().mean(0), stage.log_ratio()
        error = drawn.std(0) / 4_000**0.5
        assert ((drawn.mean(0) - closed).abs() < 5 * error + 1e-4).all()


def test_priors_start_close_to_the_standard_normal() -> None:
    torch.manual_seed(1)
    p = GaussianPrior(32, 4)(torch.randn(2, 50, 32))
    assert p.mean.abs().max() < 0.3
    assert (p.scale - 1).abs().max() < 0.3


def test_steps_below_follow_those_above() -> None:
    model = made().model
    above = torch.tensor([[0.0, 0.0], [3.0, -3.0]])
    trace = model.imagine(2, given={0: above}, how=draw_mean)
    below = trace.stages[1].p.mean[0]
    assert not torch.allclose(below[0], below[1], atol=1e-4)


def test_priors_know_nothing_of_a_condition() -> None:
    model, z = made(context=3).model, torch.randn(4, 2)
    traces = [
        model.imagine(4, c, given={0: z}, how=draw_mean)
        for c in (torch.zeros(4, 3), torch.ones(4, 3))
    ]
    one, other = (trace.stages[1].p.mean for trace in traces)
    torch.testing.assert_close(one, other)
    assert not torch.allclose(traces[0].likelihood.mean, traces[1].likelihood.mean)


@pytest.mark.parametrize("steps", [1, 4])
def test_as_many_steps_as_asked_for(steps: int) -> None:
    composition = recipes.ladder_vae(shape=(12,), hidden=(16,), steps=steps, width=8)
    model, x = composition.model, torch.randn(2, 12)
    assert [stage.z.shape[-1] for stage in model.observe(Batch(x, x)).stages] == [
        12 // steps
    ] * steps
