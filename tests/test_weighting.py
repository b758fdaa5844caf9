"""Weights of the rate over the training, capacities, free bits and the optimal scale."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from compiled import NEEDS_COMPILER
from rows import Rows
from variata import recipes
from variata.batch import Batch
from variata.distributions import Gaussian, StandardGaussian
from variata.errors import UsageError
from variata.models import LatentModel, Stage, Trace, start
from variata.objectives import Capacity, Distortion, FreeBits, Objective, OptimalScale, Rate
from variata.schedules import Moment, constant, cyclical, warm_up
from variata.training import Settings, fit
from variata.training.machine import How
from variata.training.validation import END, validate
from variata.training.work import Work

ROWS = {"shape": (5,), "latent": 3, "hidden": (16,)}


def model_and_rows(n: int = 12) -> tuple[LatentModel, Tensor]:
    torch.manual_seed(0)
    return recipes.vae(**ROWS).model, torch.randn(n, 5)


def with_means(means: Tensor) -> Trace:
    """A trace whose rates are half the squares of these means, (B, Z)."""
    q = Gaussian(means, torch.ones_like(means))
    stage = Stage(means.expand(2, *means.shape), StandardGaussian(torch.zeros(means.shape[1])), q)
    return Trace((stage,), q)


# Cyclical annealing.


def test_the_cyclical_weight_is_the_papers() -> None:
    cycles, rise, steps = 4, 0.5, 1_000
    schedule, length = cyclical(cycles, rise), steps / cycles
    for step in range(steps):  # Fu et al., equations 6 and 7, from step 0
        done = (step % length) / length
        expected = done / rise if done <= rise else 1.0
        assert schedule(Moment(step, step / steps)) == pytest.approx(expected, abs=1e-9)
    assert schedule(END) == 1.0


@pytest.mark.parametrize("progress", [0.0, 0.1, 0.3, 0.77, 1.0])
def test_one_cycle_is_a_warm_up(progress: float) -> None:
    moment = Moment(progress=progress)
    assert cyclical(1, 0.3, 2.0)(moment) == warm_up(0.3, 2.0)(moment)


def test_a_cycle_without_a_rise_has_full_weight_throughout() -> None:
    assert {cyclical(3, 0.0)(Moment(progress=p / 10)) for p in range(11)} == {1.0}


def test_impossible_cycles_are_refused() -> None:
    with pytest.raises(UsageError, match="at least one cycle"):
        cyclical(0)
    with pytest.raises(UsageError, match="between 0 and 1"):
        cyclical(2, 1.5)
    with pytest.raises(UsageError, match="cycles"):
        recipes.annealed_vae(**ROWS, cycles=0)


def test_an_annealed_vae_ends_with_the_elbo() -> None:
    objective = recipes.annealed_vae(**ROWS, cycles=2, rise=0.5).phases[0].objective
    assert objective.weights(Moment(progress=0.625)) == {"distortion": 1.0, "rate": 0.5}
    assert objective.weights(END) == {"distortion": 1.0, "rate": 1.0}


# Capacity.


def test_capacity_is_of_every_example_and_not_of_their_mean() -> None:
    trace = with_means(torch.tensor([[1.0, 1.0], [2.0, 1.0], [0.0, 0.0]]))  # rates 1, 2.5 and 0
    term, (model, _) = Capacity(warm_up(0.5, 2.0)), model_and_rows()
    for progress, expected in ((0.0, [1.0, 2.5, 0.0]), (0.25, [0.0, 1.5, 1.0])):
        cost = term(model, trace, Moment(progress=progress))
        torch.testing.assert_close(cost, torch.tensor([expected] * 2))
    torch.testing.assert_close(term(model, trace, END), torch.tensor([[1.0, 0.5, 2.0]] * 2))


def test_the_rate_ends_at_the_capacity() -> None:
    torch.manual_seed(0)
    made, rows = recipes.capacity_vae(**ROWS, capacity=2.5), Rows(torch.randn(256, 5))
    history = fit(made.model, made.phases, rows, rows, Settings(epochs=100, batch_size=64))
    assert history.reports[-1].valid["rate"] == pytest.approx(2.5, abs=0.25)


@NEEDS_COMPILER
def test_a_compiled_term_sees_the_moment() -> None:
    torch.manual_seed(0)
    made, x = recipes.capacity_vae(**ROWS, capacity=3.0), torch.randn(16, 5)
    start(made.model, x)
    own, objective = [list(made.model.parameters())], made.phases[0].objective
    plain = Work(made.model, objective, own, How())
    fast = Work(made.model, objective, own, How(compiled=True, batch_size=16))
    for moment in (Moment(1, 0.1), Moment(2, 0.4), Moment(3, 0.9)):
        results = []
        for work in (plain, fast):
            torch.manual_seed(1)
            results.append(work(Batch(x, x), moment))
        torch.testing.assert_close(results[0].figures, results[1].figures)
        for ours, theirs in zip(*(result.gradients[0] for result in results), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


# Free bits.


def test_free_bits_floor_the_batch_mean_of_every_dimension() -> None:
    means = torch.tensor([[2.0, 0.2], [0.0, 0.0], [0.0, 0.4]], requires_grad=True)
    trace, (model, _) = with_means(means), model_and_rows()
    each = (means.detach() ** 2 / 2).mean(0)  # 0.667 and 0.033
    cost = FreeBits(0.1)(model, trace, Moment())
    torch.testing.assert_close(cost.detach(), (each[0] + 0.1).expand(3))
    (gradient,) = torch.autograd.grad(cost.mean(), means)
    torch.testing.assert_close(gradient[:, 0], means.detach()[:, 0] / 3)
    assert (gradient[:, 1] == 0).all()


def test_one_row_far_above_pays_for_the_others() -> None:
    """The floor is under the batch's mean: per example, every zero would cost as much."""
    trace, (model, _) = with_means(torch.tensor([[2.0], [0.0]])), model_and_rows()
    torch.testing.assert_close(FreeBits(0.5)(model, trace, Moment()), torch.tensor([1.0, 1.0]))


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("n", [1, 12])
def test_no_free_bits_are_the_rate(k: int, n: int) -> None:
    model, x = model_and_rows(n)
    trace = model.observe(Batch(x, x), k)
    cost = FreeBits(0.0)(model, trace, Moment())
    assert cost.shape == (n,)
    torch.testing.assert_close(cost.mean(), trace.rate().mean())
    assert (FreeBits(50.0)(model, trace, Moment()) == 150.0).all()


# The optimal scale.


def analytic(x: Tensor, mean: Tensor, elements: bool) -> Tensor:
    """min over the scale of the mean -log N(x; mean, scale^2), Rybkin et al., equation 5."""
    squares = (x - mean).square()
    each = squares.flatten(0, 1).mean(0) if elements else squares.mean().expand(x.shape[1:])
    return 0.5 * (2 * math.pi * math.e * each).log().sum()


@pytest.mark.parametrize("shape", [(5,), (1, 3, 4)])
@pytest.mark.parametrize(("k", "n"), [(1, 1), (1, 7), (3, 7)])
def test_the_scale_is_the_best_one_and_the_gradient_that_of_the_analytic_loss(
    shape: tuple[int, ...], k: int, n: int
) -> None:
    torch.manual_seed(0)
    made = recipes.sigma_vae(shape=shape, latent=2, hidden=(8,), linear=False)
    model, x = made.model.train(), torch.randn(n, *shape)
    trace = model.observe(Batch(x, x), k)
    cost = OptimalScale()(model, trace, Moment())
    expected = analytic(x, trace.likelihood.mean, elements=len(shape) == 1)
    assert cost.shape == (k, n)
    torch.testing.assert_close(cost.mean(), expected)
    named = dict(model.named_parameters())
    scale = named.pop("decoder.head.raw_scale")
    for ours, theirs in zip(
        torch.autograd.grad(cost.mean(), [*named.values()], retain_graph=True),
        torch.autograd.grad(expected, [*named.values()], retain_graph=True),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    (learnt,) = torch.autograd.grad(cost.mean(), scale, retain_graph=True)
    (usual,) = torch.autograd.grad(trace.distortion().mean(), scale)
    torch.testing.assert_close(learnt, usual)


def test_a_perfect_reconstruction_is_floored() -> None:
    made = recipes.sigma_vae(shape=(5,), latent=2, hidden=(8,), floor=0.1)
    x = torch.randn(4, 5)
    exact = Gaussian(x[None], torch.ones(5))
    trace = Trace((), exact, Batch(x, x))
    cost = OptimalScale()(made.model.train(), trace, Moment())
    at_floor = 5 * (math.log(0.1) + 0.5 * math.log(2 * math.pi))
    torch.testing.assert_close(cost, torch.full((1, 4), at_floor))


def test_out_of_training_the_models_own_scale_counts() -> None:
    made, x = recipes.sigma_vae(**ROWS), torch.randn(6, 5)
    trace = made.model.eval().observe(Batch(x, x))
    assert torch.equal(OptimalScale()(made.model, trace, Moment()), trace.distortion())


def test_the_models_own_scale_follows_the_best_one() -> None:
    torch.manual_seed(0)
    made, rows = recipes.sigma_vae(**ROWS), Rows(0.3 * torch.randn(256, 5))
    fit(made.model, made.phases, rows, rows, Settings(epochs=60, batch_size=64))
    batch = Batch(rows.x, rows.x)
    with torch.no_grad():
        trace = made.model.observe(batch, 20)
        own = trace.distortion().mean()
        best = OptimalScale()(made.model.train(), trace, Moment()).mean()
    assert best <= own < best + 0.1


def test_other_likelihoods_are_refused_with_the_recipes_that_fit() -> None:
    with pytest.raises(UsageError, match="poisson likelihood. Use likelihood='gaussian'.*vae"):
        recipes.sigma_vae(shape=(5,), likelihood="poisson")
    made, x = recipes.vae(shape=(5,), likelihood="bernoulli", latent=2), torch.ones(3, 5)
    with pytest.raises(UsageError, match="not Bernoulli"):
        OptimalScale()(made.model, made.model.observe(Batch(x, x)), Moment())


# What is reported.


@pytest.mark.parametrize("name", ["annealed_vae", "capacity_vae", "free_bits_vae", "sigma_vae"])
def test_the_reported_elbo_is_the_elbo(name: str) -> None:
    made, rows = recipes.build(name, **ROWS), Rows(torch.randn(40, 5))
    plain = Objective(distortion=(constant(1), Distortion()), rate=(constant(1), Rate()))
    objective, cpu = made.phases[-1].objective, torch.device("cpu")
    ours = validate(made.model, objective, rows, cpu, seed=0)
    assert ours.elbo == validate(made.model, plain, rows, cpu, seed=0).elbo
    weighed = name in {"capacity_vae", "free_bits_vae"}
    assert (ours.criterion != pytest.approx(-(ours.elbo or 0.0))) == weighed
