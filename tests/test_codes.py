"""Codes: to and fro, gradients through them, codebooks that follow, and probabilities."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from rows import Rows
from variata import recipes
from variata.batch import Batch
from variata.conditionals import CodesPrior, OneHotPosterior, QuantisedPosterior
from variata.distributions import Codes, OneHot, Quantised, kl
from variata.errors import UsageError
from variata.metrics import Usage
from variata.models import LatentModel, Stage, start
from variata.nn import CausalTransformer, Codebook, OneHotCodes, ScalarGrid
from variata.nn.clustering import k_means, nearest
from variata.nn.codebook import DEAD, DECAY, REVIVE_EVERY
from variata.schedules import Moment
from variata.tasks.noise import Noise
from variata.training import Settings, fit
from variata.training.after_step import Followers
from variata.training.machine import How
from variata.training.work import Work

SMALL: dict[str, Any] = {"shape": (12,), "hidden": (16,), "latent": 4, "likelihood": "gaussian"}
QUANTISED = {
    "vq_vae": {"codes": 8, "width": 2},
    "rvq_vae": {"codes": 8, "width": 2, "depth": 3},
    "fsq_vae": {"scalar_levels": 3, "width": 2},
}
every = pytest.mark.parametrize("name", QUANTISED)


def made(name: str, **arguments: Any) -> recipes.Composition:
    torch.manual_seed(0)
    return recipes.build(name, **SMALL | QUANTISED.get(name, {}) | arguments)


def rows(n: int, seed: int = 1) -> Tensor:
    return 2 * torch.randn(n, 12, generator=torch.Generator().manual_seed(seed))


def sequences(length: int, size: int) -> Tensor:
    """All of them, (size ** length, length)."""
    return torch.tensor(list(product(range(size), repeat=length)))


def follower(model: LatentModel) -> Any:
    return model.levels[0].posterior


# Between numbers and codes


@pytest.mark.parametrize("levels", [2, 3, 4, 5, 8])
def test_a_grid_goes_from_codes_to_numbers_and_back(levels: int) -> None:
    grid = ScalarGrid(levels, 2, 4)
    codes = sequences(2, grid.size)
    vectors = grid.vectors(codes)
    assert torch.equal(grid.codes(vectors), codes)
    assert len(vectors.unique(dim=0)) == len(codes)
    _, value, own = grid.quantise(torch.linspace(-9, 9, 400).view(100, 4))
    assert torch.equal(grid.vectors(own), value)


@pytest.mark.parametrize("levels", [2, 3, 4, 5, 8])
def test_encodings_reach_every_level_of_a_grid(levels: int) -> None:
    grid = ScalarGrid(levels, 1, 1)
    through, value, codes = grid.quantise(torch.linspace(-6, 6, 1_001)[:, None])
    assert codes.unique().tolist() == list(range(levels))
    assert float((through - value).abs().max()) <= 0.5 / (levels // 2) + 1e-2


@pytest.mark.parametrize("levels", [2, 3, 4, 5, 8])
def test_encodings_around_zero_lie_on_both_sides_of_a_grid(levels: int) -> None:
    z = torch.randn(10_000, 1, generator=torch.Generator().manual_seed(0))
    codes = ScalarGrid(levels, 1, 1).quantise(z)[2].flatten()
    shares = torch.bincount(codes, minlength=levels) / len(codes)
    assert 0.02 < float(shares.min()) <= float(shares.max()) < 0.6


def test_a_codebook_and_classes_go_from_codes_to_vectors_and_back() -> None:
    torch.manual_seed(0)
    for quantiser in (Codebook(5, 3, 6), OneHotCodes(5, 10)):
        codes = sequences(2, 5)
        assert torch.equal(quantiser.codes(quantiser.vectors(codes)), codes)


def test_the_nearest_vector_is_taken() -> None:
    torch.manual_seed(0)
    book, z = Codebook(7, 2, 6), torch.randn(20, 6)
    apart = torch.cdist(z.view(-1, 2).double(), book.vectors_.double())
    assert torch.equal(book.codes(z).flatten(), apart.argmin(1))


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Codebook(4, 4, 6), "latent=6 .*width=4.*8"),
        (lambda: OneHotCodes(4, 6), "classes=4"),
        (lambda: ScalarGrid(50, 4, 4), "6,250,000 codes"),
    ],
)
def test_codes_that_do_not_fit_are_refused(make: Any, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        make()


# Through them


@every
def test_gradients_go_straight_through(name: str) -> None:
    """The gradient at the encoding is that at the decoder, once, however many levels there are."""
    model, x = made(name).model, rows(6)
    features = model.encoder(x).detach().requires_grad_()
    trace = model.observe(Batch(x, x), features=features)
    h = torch.stack([stage.z for stage in trace.stages]).sum(0)
    weights = torch.randn(h.shape)
    (found,) = torch.autograd.grad((h * weights).sum(), features)
    again = features.detach().requires_grad_()
    q: Any = follower(model)(None, again)
    (wanted,) = torch.autograd.grad((q.through * weights).sum(), again)
    torch.testing.assert_close(found, wanted)
    if name == "rvq_vae":
        torch.testing.assert_close(found, weights[0])


@every
def test_what_is_decoded_are_exactly_the_vectors_of_codes(name: str) -> None:
    model, x = made(name).model, rows(6)
    for stage, level in zip(model.infer(Batch(x, x), k=2), model.levels, strict=True):
        quantiser: Any = level.posterior.quantiser  # type: ignore[union-attr]
        assert torch.equal(quantiser.vectors(quantiser.codes(stage.z)), stage.z)


def test_every_level_of_a_residual_is_held_to_its_codes() -> None:
    composition, x = made("rvq_vae"), rows(6)
    features = composition.model.encoder(x).detach().requires_grad_()
    trace = composition.model.observe(Batch(x, x), features=features)
    qs: list[Any] = [stage.q for stage in trace.stages]
    for q in qs:
        apart = (q.encoded - q.value.detach()).square().sum()
        (found,) = torch.autograd.grad(apart, features, retain_graph=True)
        torch.testing.assert_close(found, 2 * (q.encoded - q.value).view_as(found))
    left = features - sum(q.value for q in qs).view_as(features)  # type: ignore[union-attr]
    torch.testing.assert_close((qs[-1].encoded - qs[-1].value)[0], left, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("codebook", ["ema", "gradient"])
@every
def test_loss_does_not_depend_on_the_size_of_the_batch(name: str, codebook: str) -> None:
    own = {} if name == "fsq_vae" else {"codebook": codebook}
    composition, x = made(name, **own), rows(1)
    one = composition.loss(x)
    many = composition.loss(x.expand(64, -1))
    assert one.isfinite()
    torch.testing.assert_close(one, many, rtol=1e-5, atol=1e-4)


@every
def test_the_rate_moves_the_prior_alone(name: str) -> None:
    model, x = made(name).model, rows(6)
    trace = model.observe(Batch(x, x))
    named = dict(model.named_parameters())
    found = torch.autograd.grad(trace.rate().mean(), list(named.values()), allow_unused=True)
    moved = {n for n, g in zip(named, found, strict=True) if g is not None and g.abs().sum() > 0}
    assert moved
    assert all(".prior." in n for n in moved)


def test_the_bound_holds_for_a_model_that_can_be_enumerated() -> None:
    """log p(x) of a VQ-VAE, summed over all codes, is at least what evaluation calls a bound."""
    model, x = made("vq_vae").model.eval(), rows(5)
    book: Any = follower(model).quantiser
    with torch.inference_mode():
        trace = model.observe(Batch(x, x))
        bound = -(trace.distortion() + trace.rate())[0]
        z = book.vectors(sequences(2, 8))
        prior: Any = model.levels[0].prior
        joint = prior(None).log_prob(z)[:, None] + torch.stack(
            [model.decoder(v.expand(1, 5, -1)).log_prob(x)[0] for v in z]
        )
    assert (bound <= joint.logsumexp(0) + 1e-4).all()
    torch.testing.assert_close(trace.log_weight()[0], bound)


# Codebooks that follow


def test_a_codebook_follows_as_computed_by_hand() -> None:
    torch.manual_seed(0)
    book, encoded = Codebook(3, 2, 4), torch.randn(10, 4)
    before, sums = book.counts.clone(), book.sums.clone()
    codes = book.codes(encoded)
    book.after_step(book.statistics(encoded, codes), step=0)
    for k in range(3):
        taken = encoded.view(-1, 2)[codes.flatten() == k]
        count = DECAY * before[k] + (1 - DECAY) * len(taken) / 10
        total = DECAY * sums[k] + (1 - DECAY) * taken.sum(0) / 10
        torch.testing.assert_close(book.counts[k], count)
        torch.testing.assert_close(book.vectors_[k], total / count)


def test_nothing_is_learnt_in_a_forward_pass() -> None:
    model, x = made("vq_vae").model, rows(6)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.observe(Batch(x, x))
    assert all(torch.equal(v, before[n]) for n, v in model.state_dict().items())


def test_statistics_of_parts_average_to_those_of_the_whole() -> None:
    composition, x = made("rvq_vae"), rows(9)
    own = [p for p in composition.model.parameters() if p.requires_grad]
    moment, batch = Moment(1, 0.5), Batch(x, x)
    works = [
        Work(composition.model, composition.phases[0].objective, [own], How()) for _ in range(2)
    ]
    whole, parts = works[0](batch, moment), works[1](batch, moment, most=4)
    assert len(whole.statistics) == 3 * len(composition.model.levels)
    for one, other in zip(whole.statistics[:2], parts.statistics[:2], strict=True):
        torch.testing.assert_close(one, other)
    for one, other in zip(whole.gradients[0], parts.gradients[0], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_statistics_that_are_not_finite_change_nothing() -> None:
    torch.manual_seed(0)
    book = Codebook(3, 2, 4)
    before = book.vectors_.clone()
    broken = book.statistics(torch.full((5, 4), math.nan), torch.zeros(5, 2, dtype=torch.long))
    book.after_step(broken, step=REVIVE_EVERY - 1)
    torch.testing.assert_close(book.vectors_, before)


@pytest.mark.parametrize("learned", [False, True])
def test_codes_that_are_not_used_come_back(learned: bool) -> None:
    torch.manual_seed(0)
    book, encoded = Codebook(16, 1, 1, learned), torch.randn(500, 1)
    with torch.no_grad():
        book.vectors_[4:] = 100.0
        book.sums[4:] = 100.0 * book.counts[4:, None]
    for step in range(1_200):
        book.after_step(book.statistics(encoded, book.codes(encoded)), step)
    used = torch.bincount(book.codes(encoded).flatten(), minlength=16) > 0
    assert used.all()
    assert float(book.counts.sum()) == pytest.approx(1.0, abs=1e-3)


def test_a_start_from_the_data_uses_all_codes() -> None:
    for codebook in ("ema", "gradient"):
        composition, x = made("vq_vae", codes=64, codebook=codebook), rows(500)
        start(composition.model, x)
        q: Any = composition.model.infer(Batch(x, x))[0].q
        used = Usage.of(torch.bincount(q.codes.flatten(), minlength=64), 2)
        assert used.used > 0.95
        assert follower(composition.model).quantiser.counts.sum() == pytest.approx(2, rel=0.05)


@pytest.mark.parametrize("x", [torch.zeros(20, 12), torch.ones(1, 12)])
@every
def test_constant_data_and_a_single_row_start_finite(name: str, x: Tensor) -> None:
    composition = made(name)
    start(composition.model, x)
    assert composition.loss(x).isfinite()


def test_k_means_finds_groups_and_gives_as_many_centres_as_asked() -> None:
    torch.manual_seed(0)
    groups = torch.tensor([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]])
    points = groups.repeat(50, 1) + 0.1 * torch.randn(150, 2)
    centres = k_means(points, 12)
    assert centres.shape == (12, 2)
    assert float((groups - centres[nearest(groups, centres)]).norm(dim=1).max()) < 0.3
    assert k_means(points[:2], 5).shape == (5, 2)


def test_fit_lets_codebooks_and_temperatures_change() -> None:
    x = Rows(rows(200))
    settings = Settings(epochs=4, batch_size=50, lr=3e-3, patience=1.0)
    vq, gumbel = made("vq_vae"), made("gumbel_vae", classes=2)
    for composition in (vq, gumbel):
        before = {n: v.clone() for n, v in composition.model.named_buffers()}
        fit(composition.model, composition.phases, x, x, settings)
        changed = {n for n, v in composition.model.named_buffers() if not torch.equal(v, before[n])}
        assert {n.rsplit(".", 1)[1] for n in changed} >= (
            {"vectors_", "counts", "sums"} if composition is vq else {"temperature"}
        )
    assert float(follower(gumbel.model).temperature) < 1


def test_followers_take_their_own_statistics() -> None:
    model, x = made("rvq_vae").model, rows(30)
    trace = model.observe(Batch(x, x))
    followers = Followers(model)
    statistics = followers.statistics(trace)
    followers.after_step(statistics, Moment(0, 0.0))
    for i, level in enumerate(model.levels):
        book: Any = level.posterior.quantiser  # type: ignore[union-attr]
        even = book.length / book.size
        torch.testing.assert_close(
            book.counts, torch.full((8,), even).lerp(statistics[3 * i], 1 - DECAY)
        )
    assert DEAD < 1


# Probabilities


@pytest.mark.parametrize("context", [0, 3])
@pytest.mark.parametrize("length", [1, 3])
def test_probabilities_of_all_sequences_sum_to_one(length: int, context: int) -> None:
    torch.manual_seed(0)
    network = CausalTransformer(length, 4, 8, 2, 2, context).double()
    told = torch.randn(context, dtype=torch.float64) if context else None
    p = Codes(OneHotCodes(4, 4 * length), network, torch.zeros(4 * length).double(), told)
    with torch.no_grad():
        total = p.log_prob_of(sequences(length, 4)).logsumexp(0)
    assert float(total) == pytest.approx(0, abs=1e-9)


def test_draws_of_a_prior_have_its_probabilities() -> None:
    torch.manual_seed(0)
    coding, network = OneHotCodes(3, 6), CausalTransformer(2, 3, 8, 1, 2)
    with torch.no_grad():
        network.output.weight.mul_(8)
    p = CodesPrior(coding, 6, network)(None)
    codes = coding.codes(p.sample(torch.Size((20_000,))))
    found = torch.bincount(3 * codes[:, 0] + codes[:, 1], minlength=9) / 20_000
    wanted = p.log_prob_of(sequences(2, 3)).exp().detach()
    assert float(wanted.max() / wanted.min()) > 3
    torch.testing.assert_close(found, wanted, rtol=0, atol=0.015)


def test_a_code_is_known_to_those_after_it_alone() -> None:
    torch.manual_seed(0)
    network = CausalTransformer(5, 4, 8, 2, 2)
    codes = torch.zeros(1, 5, dtype=torch.long)
    other = codes.clone()
    other[0, 2] = 3
    changed = (network(codes) - network(other)).abs().sum(-1)[0]
    assert (changed[:3] < 1e-6).all()
    assert (changed[3:] > 1e-4).all()


def test_remembering_changes_nothing() -> None:
    """Sequences made one code at a time see the logits of the whole pass."""
    torch.manual_seed(0)
    network, seen = CausalTransformer(4, 5, 8, 2, 2, context=3), []
    context = torch.randn(6, 3)

    def choose(logits: Tensor) -> Tensor:
        seen.append(logits)
        return logits.argmax(-1)

    codes = network.unroll(6, choose, context)
    torch.testing.assert_close(torch.stack(seen, 1), network(codes, context), rtol=1e-4, atol=1e-5)


def test_the_divergence_of_classes_is_that_of_enumeration() -> None:
    torch.manual_seed(0)
    q, p = OneHot(torch.randn(3, 2, 4)), OneHot(torch.randn(2, 4))
    z = OneHotCodes(4, 8).vectors(sequences(2, 4))[:, None]
    log_q, log_p = q.log_prob(z), p.log_prob(z)
    torch.testing.assert_close(log_q.logsumexp(0), torch.zeros(3), rtol=0, atol=1e-6)
    torch.testing.assert_close(kl(q, p), (log_q.exp() * (log_q - log_p)).sum(0))


def test_draws_of_classes_have_their_probabilities() -> None:
    torch.manual_seed(0)
    q = OneHot(torch.tensor([[1.0, 0.0, -2.0]]))
    shared = Noise(0, range(20_000), range(1), own=False)(q, 20_000, 1)[:, 0]
    for z in (q.sample(torch.Size((20_000,))), shared):
        assert ((z == 0) | (z == 1)).all()
        torch.testing.assert_close(z.mean(0), q.mean, rtol=0, atol=0.015)


def test_relaxed_draws_are_classes_as_the_temperature_falls() -> None:
    logits = torch.randn(50, 2, 4)
    for temperature, near in ((0.01, True), (2.0, False)):
        torch.manual_seed(0)
        z = OneHot(logits, torch.tensor(temperature)).rsample()
        torch.manual_seed(0)
        hard = OneHot(logits).sample()
        torch.testing.assert_close(z.view(50, 2, 4).sum(-1), torch.ones(50, 2))
        assert (float((z - hard).abs().mean()) < 0.01) is near


def test_straight_draws_are_classes_with_the_gradient_of_relaxed_ones() -> None:
    logits, weights, found = torch.randn(1, 4, 3, 5), torch.randn(1, 4, 15), []
    for estimator in ("straight", "relaxed"):
        leaf = logits.clone().requires_grad_()
        torch.manual_seed(3)
        z = OneHot(leaf, torch.tensor(0.7), estimator).rsample()
        found += [z.detach(), *torch.autograd.grad((z * weights).sum(), leaf)]
    assert set(found[0].unique().tolist()) == {0.0, 1.0}
    assert torch.equal(found[0].unflatten(-1, (3, 5)).sum(-1), torch.ones(1, 4, 3))
    torch.testing.assert_close(found[1], found[3])
    largest = found[2].unflatten(-1, (3, 5)).argmax(-1)
    assert torch.equal(found[0].unflatten(-1, (3, 5)).argmax(-1), largest)


def test_reinmax_has_the_gradient_of_the_mean_of_what_is_quadratic(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every draw of two positions of three classes, weighed by its probability."""
    logits = torch.randn(1, 2, 3).double().requires_grad_()
    square, slope = torch.randn(6, 6).double(), torch.randn(6).double()
    draws = OneHotCodes(3, 6).vectors(sequences(2, 3)).double()

    def f(z: Tensor) -> Tensor:
        return ((z @ square) * z).sum(-1) + z @ slope

    p = OneHot(logits).log_prob(draws).exp()
    (wanted,) = torch.autograd.grad((p * f(draws)).sum(), logits)
    found = torch.zeros_like(wanted)
    for draw, probability in zip(draws, p.detach(), strict=True):
        monkeypatch.setattr(OneHot, "_noisy", lambda *_, draw=draw: draw.view(1, 2, 3))
        z = OneHot(logits, torch.tensor(1.0), "reinmax").rsample()
        assert torch.equal(z.detach().view(6), draw)
        found += probability * torch.autograd.grad(f(z).sum(), logits)[0]
    torch.testing.assert_close(found, wanted)


def test_the_density_of_classes_has_the_gradient_of_its_linear_extension() -> None:
    """Each class in turn: what log p would be, and the slope towards it where nothing is after."""
    coding, network = OneHotCodes(3, 9), CausalTransformer(3, 3, 8, 1, 2)
    p = Codes(coding, network, torch.zeros(9))
    codes = torch.tensor([[2, 0, 1]])
    z = coding.vectors(codes).requires_grad_()
    density = p.log_prob(z)
    torch.testing.assert_close(density, p.log_prob_of(codes))
    (slope,) = torch.autograd.grad(density.sum(), z)
    last = [p.log_prob_of(torch.tensor([[2, 0, other]])) for other in range(3)]
    torch.testing.assert_close(slope[0, 6:] - slope[0, 7], torch.cat(last) - density)
    assert (slope[0, :6] != 0).all()


def test_the_rate_of_classes_has_its_entropy_in_closed_form() -> None:
    """In the mean over classes it is the divergence; a relaxed draw changes the prior's part."""
    coding, network = OneHotCodes(3, 6), CausalTransformer(2, 3, 8, 1, 2)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    p, logits = Codes(coding, network, torch.zeros(6)), torch.randn(1, 1, 2, 3)
    q, codes = OneHot(logits, torch.tensor(2.0)), sequences(2, 3)
    z = coding.vectors(codes)[:, None]
    weights = q.log_prob(z).exp()
    want = (weights * (q.log_prob(z) - p.log_prob(z))).sum()
    torch.testing.assert_close((weights * Stage(z, p, q).rate()).sum(), want)
    relaxed = q.rsample()
    same = -q.entropy() - p.log_prob(relaxed)
    torch.testing.assert_close(Stage(relaxed, p, q).rate(), same)


def test_classes_with_a_prior_of_their_own_learn_it_with_the_encoder() -> None:
    composition, x = made("gumbel_vae", classes=2, prior="autoregressive"), rows(6)
    trace = composition.model.observe(Batch(x, x))
    assert not trace.stages[0].exact
    composition.phases[0].objective(composition.model, trace, Moment(10**6, 1.0)).total.backward()
    parameters = dict(composition.model.named_parameters())
    assert all(value.grad is not None and value.grad.any() for value in parameters.values())
    assert composition.model.imagine(5).likelihood.sample().shape[:2] == (1, 5)


def test_classes_are_relaxed_while_training_only() -> None:
    posterior = OneHotPosterior(3, 8, 4, lambda moment: 0.5)
    assert posterior(None, torch.zeros(2, 3)).has_rsample
    assert not posterior.eval()(None, torch.zeros(2, 3)).has_rsample


def test_joint_latents_are_held_level_by_level() -> None:
    composition, x = made("joint_vae", classes=3, variables=2), rows(6)
    trace = composition.model.observe(Batch(x, x))
    assert [stage.z.shape[-1] for stage in trace.stages] == [6, 4]
    assert all(stage.exact for stage in trace.stages)
    loss = composition.phases[0].objective(composition.model, trace, Moment(10**6, 1.0))
    wanted = (trace.stages[0].rate() - 2.0).abs().mean()
    torch.testing.assert_close(loss.terms["class_rate"], wanted)
    assert float(trace.stages[0].rate().detach().max()) <= 2 * math.log(3)


def test_a_code_has_mass_one() -> None:
    q = QuantisedPosterior(3, 4, Codebook(8, 2, 4))(None, torch.randn(5, 3))
    assert isinstance(q, Quantised)
    assert torch.equal(q.log_prob(q.rsample()), torch.zeros(5))
    assert torch.equal(q.log_prob(q.sample() + 1), torch.full((5,), -math.inf))
