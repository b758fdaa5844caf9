"""Importance bounds: their values, and every gradient against one written out by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from compiled import NEEDS_COMPILER
from variata import recipes
from variata.batch import Batch
from variata.conditionals import Decoder, DiracPosterior, GaussianPosterior, StandardNormal
from variata.conditionals.likelihood import GaussianHead
from variata.distributions import Gaussian, detached
from variata.errors import NoDensityError, UsageError
from variata.models import LatentModel, Level, Trace, start
from variata.objectives import (
    DoublyReparametrised,
    ImportanceBound,
    Objective,
    PartiallyImportanceWeighted,
    Term,
)
from variata.schedules import Moment, constant
from variata.training import learn
from variata.training.machine import How
from variata.training.work import Work

D, Z, B = 4, 2, 3
Weigh = Callable[[Tensor, Tensor, Tensor], Tensor]  # z and q's two parameters to log w, (K, B)


class LearnedPrior(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mean, self.log_scale = nn.Parameter(torch.randn(Z)), nn.Parameter(torch.zeros(Z))

    def forward(self, h: Tensor | None) -> Gaussian:
        return Gaussian(self.mean, self.log_scale.exp(), 1)


def small_model(log_scale: float = -0.5) -> tuple[LatentModel, Tensor]:
    """A nonlinear model in float64 with a learned prior, and data for it."""
    torch.manual_seed(0)
    head = GaussianHead((D,), 0.0)
    nn.init.constant_(head.raw_scale, log_scale / 10)
    network = nn.Sequential(nn.Linear(Z, 5), nn.Tanh(), nn.Linear(5, D))
    level = Level(LearnedPrior(), GaussianPosterior(6, Z))
    encoder = nn.Sequential(nn.Linear(D, 6), nn.Tanh())
    model = LatentModel(encoder, [level], Decoder(network, head, (D,))).double()
    return model, torch.randn(B, D, dtype=torch.float64)


def split(model: LatentModel) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Parameters of the encoder with its posterior, and those of decoder and prior."""
    named = dict(model.named_parameters())
    ours = {n: p for n, p in named.items() if n.startswith("encoder") or "posterior" in n}
    return ours, {n: p for n, p in named.items() if n not in ours}


def gradients(value: Tensor, parameters: dict[str, Tensor]) -> list[Tensor]:
    return list(torch.autograd.grad(value, list(parameters.values()), retain_graph=True))


def by_hand(model: LatentModel, x: Tensor, trace: Trace) -> tuple[Tensor, Tensor, Tensor, Weigh]:
    """Noise of the trace, parameters of q, and log w with every density written out."""
    loc, scale = _posterior(model, x)
    noise = ((trace.stages[0].z - loc) / scale).detach()
    prior, head = model.levels[0].prior, model.decoder.head

    def weigh(z: Tensor, m: Tensor, s: Tensor) -> Tensor:
        made, sigma = model.decoder.network(z), (10 * head.raw_scale).exp()
        of_x = _log_normal(x, made, sigma)
        return of_x + _log_normal(z, prior.mean, prior.log_scale.exp()) - _log_normal(z, m, s)

    return noise, loc, scale, weigh


def _posterior(model: LatentModel, x: Tensor) -> tuple[Tensor, Tensor]:
    mean, raw = model.levels[0].posterior.linear(model.encoder(x)).chunk(2, -1)
    return mean, (7 * torch.tanh(raw / 7)).exp()


def _log_normal(x: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    each = -(((x - mean) / scale) ** 2) / 2 - scale.log() - math.log(2 * math.pi) / 2
    return each.sum(-1)


def bound_of(log_weight: Tensor) -> Tensor:
    """log mean_k exp, averaged over examples."""
    return (log_weight.logsumexp(0) - math.log(log_weight.shape[0])).mean()


def assert_close(ours: list[Tensor], expected: list[Tensor]) -> None:
    for one, other in zip(ours, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-10)


def cost(term: Term, model: LatentModel, trace: Trace) -> Tensor:
    return term(model, trace, Moment()).mean()


@pytest.mark.parametrize("k", [1, 2, 7])
def test_iwae_has_the_gradient_of_its_bound(k: int) -> None:
    model, x = small_model()
    trace = model.observe(Batch(x, x), k)
    noise, loc, scale, weigh = by_hand(model, x, trace)
    expected = -bound_of(weigh(loc + scale * noise, loc, scale))
    value = cost(ImportanceBound(), model, trace)
    torch.testing.assert_close(value, expected)
    for part in split(model):
        assert_close(gradients(value, part), gradients(expected, part))


@pytest.mark.parametrize("k", [1, 2, 7])
def test_dreg_has_squared_shares_for_the_encoder_and_shares_for_the_decoder(k: int) -> None:
    model, x = small_model()
    trace = model.observe(Batch(x, x), k)
    noise, loc, scale, weigh = by_hand(model, x, trace)
    value = cost(DoublyReparametrised(), model, trace)
    encoder, decoder = split(model)

    z = (loc + scale * noise).detach().requires_grad_()
    log_weight = weigh(z, loc.detach(), scale.detach())
    shares = log_weight.detach().softmax(0)
    torch.testing.assert_close(value, -bound_of(log_weight))
    assert_close(
        gradients(value, decoder), gradients(-(shares * log_weight).sum(0).mean(), decoder)
    )
    (at_z,) = torch.autograd.grad(log_weight.sum(), z)
    through_z = (shares**2)[..., None] * at_z * (loc + scale * noise)
    assert_close(gradients(value, encoder), gradients(-through_z.sum((0, 2)).mean(), encoder))


@pytest.mark.parametrize(("groups", "k"), [(1, 5), (3, 1), (3, 4), (2, 3)])
@pytest.mark.parametrize("log_scale", [-0.5, -4.0])
def test_piwae_has_one_bound_for_each_network(groups: int, k: int, log_scale: float) -> None:
    """At the smaller scale, weights lie thousands of nats apart and most shares underflow."""
    model, x = small_model(log_scale)
    trace = model.observe(Batch(x, x), groups * k)
    noise, loc, scale, weigh = by_hand(model, x, trace)
    log_weight = weigh(loc + scale * noise, loc, scale)
    value = cost(PartiallyImportanceWeighted(groups), model, trace)
    encoder, decoder = split(model)
    each = [bound_of(log_weight[m * k : (m + 1) * k]) for m in range(groups)]
    torch.testing.assert_close(value, -bound_of(log_weight))
    tight, loose = -bound_of(log_weight), -sum(each) / groups
    for ours, theirs in zip(gradients(value, decoder), gradients(tight, decoder), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6)  # shares are floored
    for ours, theirs in zip(gradients(value, encoder), gradients(loose, encoder), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6)


def test_piwae_of_one_group_is_iwae_and_of_single_draws_the_elbo_for_the_encoder() -> None:
    model, x = small_model()
    trace = model.observe(Batch(x, x), 6)
    iwae = cost(ImportanceBound(), model, trace)
    elbo = -trace.log_weight().mean()
    encoder, decoder = split(model)
    wanted = {1: gradients(iwae, encoder), 6: gradients(elbo, encoder)}
    for_decoder = gradients(iwae, decoder)
    for groups, expected in wanted.items():
        torch.manual_seed(groups)
        fresh = _same_draws(model, x, trace)
        value = cost(PartiallyImportanceWeighted(groups), model, fresh)
        assert_close(gradients(value, encoder), expected)
        assert_close(gradients(value, decoder), for_decoder)


def _same_draws(model: LatentModel, x: Tensor, trace: Trace) -> Trace:
    """A trace with the same noise, to hook anew."""
    loc, scale = _posterior(model, x)
    noise = ((trace.stages[0].z - loc) / scale).detach()
    return model.observe(
        Batch(x, x), len(noise), how=lambda q, k, n: q.mean + q.variance.sqrt() * noise
    )


@pytest.mark.parametrize("k", [2, 8])
def test_dreg_has_the_mean_of_iwaes_gradient_and_less_variance_near_the_posterior(k: int) -> None:
    """The gradient for q's parameters, in as many independent rows: 5 standard errors."""
    rows, each = 40_000, {}
    model, x = small_model()
    model.encoder, model.levels[0].posterior = nn.Identity(), _FromSeen()
    near = _fitted(model, x[:1]) + torch.tensor([0.2, -0.2, 0.1, 0.1])
    for name, term in {"iwae": ImportanceBound(), "dreg": DoublyReparametrised()}.items():
        torch.manual_seed(k)
        seen = near.repeat(rows, 1).requires_grad_()
        trace = model.observe(Batch(x[:1].expand(rows, D), seen), k)
        (each[name],) = torch.autograd.grad(term(model, trace, Moment()).sum(), seen)
    apart = each["dreg"] - each["iwae"]
    error = apart.std(0) / math.sqrt(rows)
    assert (apart.mean(0).abs() < 5 * error).all()
    assert each["iwae"].mean(0).norm() > 5 * error.norm()  # there is a mean to agree on
    assert (each["dreg"].var(0) < 0.8 * each["iwae"].var(0)).all()


def _fitted(model: LatentModel, x: Tensor) -> Tensor:
    """What the posterior must see to be nearly that of x."""
    seen = torch.zeros(1, 2 * Z, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([seen], lr=0.05)
    for _ in range(200):
        elbo = model.observe(Batch(x, seen), 64).log_weight().mean()
        learn([-elbo], [optimiser])
    return seen.detach()


class _FromSeen(nn.Module):
    def forward(self, h: Tensor | None, features: Tensor) -> Gaussian:
        mean, log_scale = features.chunk(2, -1)
        return Gaussian(mean, log_scale.exp(), 1)


@pytest.mark.parametrize("name", ["iwae", "dreg", "piwae"])
def test_what_is_reported_is_the_bound_with_and_without_gradients(name: str) -> None:
    torch.manual_seed(0)
    made, x = recipes.build(name, shape=(4,), latent=2, hidden=(8,)), torch.randn(9, 4)
    objective = made.phases[0].objective
    trace = made.model.observe(Batch(x, x), objective.samples)
    expected = -bound_of(trace.log_weight())
    loss = objective(made.model, trace, Moment())
    torch.testing.assert_close(loss.total, expected)
    assert list(loss.terms) == ["bound"]
    with torch.inference_mode():
        without = made.model.observe(Batch(x, x), given=None, k=objective.samples)
        ours = objective(made.model, without, Moment()).total
        torch.testing.assert_close(ours, -bound_of(without.log_weight()))


def test_weights_normalise_over_draws_and_not_over_groups() -> None:
    """One group of 50 draws is the bound of 50 draws, and no plain ELBO."""
    model, x = small_model()
    trace = model.observe(Batch(x, x), 50)
    log_weight = trace.log_weight()
    elbo, tight = log_weight.mean(), bound_of(log_weight)
    for term in (ImportanceBound(1), PartiallyImportanceWeighted(1), DoublyReparametrised()):
        value = -cost(term, model, trace)
        torch.testing.assert_close(value, tight)
        assert value > elbo + 0.1
    torch.testing.assert_close(-cost(ImportanceBound(50), model, trace), elbo)


def test_groups_lie_between_the_elbo_and_the_bound_of_all_draws() -> None:
    model, x = small_model()
    trace = model.observe(Batch(x, x), 24)
    terms = [ImportanceBound(groups) for groups in (24, 8, 4, 2, 1)]
    bounds = [-cost(term, model, trace).item() for term in terms]
    assert bounds == sorted(bounds)
    by_loop = torch.stack([bound_of(trace.log_weight()[m * 6 : (m + 1) * 6]) for m in range(4)])
    assert bounds[2] == pytest.approx(by_loop.mean().item())


def test_ciwae_is_the_sum_of_both_bounds() -> None:
    torch.manual_seed(0)
    made = recipes.ciwae(shape=(4,), latent=2, hidden=(8,), draws=6, elbo_share=0.3)
    x, objective = torch.randn(9, 4), made.phases[0].objective
    trace = made.model.observe(Batch(x, x), objective.samples)
    loss = objective(made.model, trace, Moment())
    elbo = -(trace.distortion() + trace.rate()).mean()
    expected = -(0.3 * elbo + 0.7 * bound_of(trace.log_weight()))
    torch.testing.assert_close(loss.total, expected)
    parameters = dict(made.model.named_parameters())
    for ours, theirs in zip(
        gradients(loss.total, parameters), gradients(expected, parameters), strict=True
    ):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("term", [DoublyReparametrised(), PartiallyImportanceWeighted(2)])
def test_posteriors_without_fixed_parameters_are_refused(term: Term) -> None:
    model, x = small_model()
    model.levels[0].posterior = DiracPosterior(6, Z).double()
    with pytest.raises(NoDensityError, match="not known for Dirac"):
        cost(term, model, model.observe(Batch(x, x), 4))
    made, _ = small_model()
    trace = made.observe(Batch(x, x), given={0: torch.zeros(B, Z).double()})
    with pytest.raises(UsageError, match="one latent level"):
        cost(term, made, trace)


def test_several_levels_and_uneven_groups_are_refused() -> None:
    model, x = small_model()
    level = Level(StandardNormal(Z).double(), GaussianPosterior(6, Z).double())
    two = LatentModel(model.encoder, [model.levels[0], level], model.decoder)  # type: ignore[list-item]
    with pytest.raises(UsageError, match="2 levels"):
        cost(DoublyReparametrised(), two, two.observe(Batch(x, x), 2))
    for term in (ImportanceBound(3), PartiallyImportanceWeighted(3)):
        with pytest.raises(UsageError, match="4 draws cannot be divided into 3 groups"):
            cost(term, model, model.observe(Batch(x, x), 4))


def test_a_subclass_is_not_taken_for_its_parent() -> None:
    class Odd(Gaussian):
        pass

    with pytest.raises(NoDensityError, match="Odd"):
        detached(Odd(torch.zeros(1, 2), torch.ones(2)))


@pytest.mark.parametrize("name", ["iwae", "dreg", "piwae"])
def test_pieces_of_a_batch_have_the_gradients_of_the_whole(name: str) -> None:
    torch.manual_seed(0)
    made, x = recipes.build(name, shape=(6,), latent=2, hidden=(8,)), torch.randn(12, 6)
    objective, batch = made.phases[0].objective, Batch(x, x)

    def restart() -> None:
        torch.manual_seed(3)

    restart()
    whole = _work(made.model, objective, How())(batch, Moment())
    pieces = _work(made.model, objective, How())(batch, Moment(), most=5, restart=restart)
    torch.testing.assert_close(whole.figures, pieces.figures)
    for ours, theirs in zip(whole.gradients[0], pieces.gradients[0], strict=True):
        torch.testing.assert_close(ours, theirs)


def _work(model: LatentModel, objective: Objective, how: How) -> Work:
    return Work(model, objective, [list(model.parameters())], how)


@NEEDS_COMPILER
def test_hooks_survive_compilation() -> None:
    torch.manual_seed(0)
    model, x = recipes.vae(shape=(6,), latent=2, hidden=(8,)).model, torch.randn(16, 6)
    start(model, x)
    terms = {"dreg": DoublyReparametrised(), "piwae": PartiallyImportanceWeighted(2)}
    for term in terms.values():
        objective, results = Objective(4, bound=(constant(1), term)), []
        for how in (How(), How(compiled=True, batch_size=16)):
            torch.manual_seed(1)
            results.append(_work(model, objective, how)(Batch(x, x), Moment()))
        torch.testing.assert_close(results[0].figures, results[1].figures)
        for ours, theirs in zip(*(result.gradients[0] for result in results), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
