"""Priors beyond N(0, I): their densities, their draws, and what is measured against them."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from variata import fit, load, recipes
from variata.batch import Batch
from variata.conditionals import FlowPrior, MixturePrior, PosteriorMixturePrior
from variata.distributions import Gaussian, StandardGaussian
from variata.errors import UsageError
from variata.metrics import KnownPrior, aggregate_gap, mutual_information
from variata.models import start
from variata.tasks.diagnose import diagnose
from variata.tasks.evaluate import evaluate
from variata.tasks.latents import known_prior
from variata.tasks.report import report

F64 = torch.float64
PRIORS = {
    "flow_prior": {"couplings": 3, "width": 16},
    "mixture_prior": {"modes": 4},
    "vamp_prior": {"pseudo_inputs": 6},
    "exemplar_prior": {"exemplars": 6},
}
every = pytest.mark.parametrize("name", PRIORS)


def moved(prior: FlowPrior, scale: float = 1.0) -> FlowPrior:
    """Far from the identity that a flow starts near."""
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in prior.parameters():
            parameter.add_(scale * 0.3 * torch.randn_like(parameter))
    return prior.double()


@pytest.mark.parametrize("latent", [2, 3, 5])
@pytest.mark.parametrize("couplings", [1, 2, 5])
def test_a_flow_inverts_and_its_density_is_that_of_the_change_of_variables(
    latent: int, couplings: int
) -> None:
    p = moved(FlowPrior(latent, couplings, 8))(None)
    x = torch.randn(4, latent, dtype=F64)

    def through(value: Tensor) -> Tensor:
        for step in p.steps:
            value = step(value)[0]
        return value

    for row in x:
        jacobian: Any = torch.autograd.functional.jacobian(through, row)
        noise = through(row)
        want = torch.linalg.slogdet(jacobian)[1] - noise.square().sum() / 2
        want = want - latent / 2 * math.log(2 * math.pi)
        torch.testing.assert_close(p.log_prob(row), want, rtol=1e-10, atol=1e-10)
        back = noise
        for step in reversed(p.steps):
            back = step.inverse(back)
        torch.testing.assert_close(back, row, rtol=1e-9, atol=1e-9)


def test_every_dimension_moves_after_two_couplings() -> None:
    p = moved(FlowPrior(5, 2, 8))(None)
    x = torch.randn(5, dtype=F64)
    y = p.steps[1](p.steps[0](x)[0])[0]
    jacobian: Any = torch.autograd.functional.jacobian(lambda v: p.steps[1](p.steps[0](v)[0])[0], x)
    assert y.shape == x.shape
    assert ((jacobian != 0).sum(1) > 1).all()


@pytest.mark.parametrize("make", [lambda: moved(FlowPrior(2, 3, 8)), lambda: MixturePrior(2, 3)])
def test_densities_integrate_to_one(make: Any) -> None:
    """On a grid that holds all but a sliver of the mass."""
    torch.manual_seed(0)
    prior = make().double()
    line = torch.linspace(-30, 30, 1201, dtype=F64)
    grid = torch.stack(torch.meshgrid(line, line, indexing="ij"), -1).reshape(-1, 2)
    with torch.no_grad():
        total = prior(None).log_prob(grid).exp().sum() * float(line[1] - line[0]) ** 2
    assert float(total) == pytest.approx(1, abs=2e-3)


def test_draws_of_a_flow_have_its_density() -> None:
    """E[log p(x)] over draws is minus the entropy: that of the base less the volume change."""
    p = moved(FlowPrior(3, 4, 8))(None)
    torch.manual_seed(0)
    x = p.sample(torch.Size((20_000,)))
    noise, volume = x, torch.zeros(len(x), dtype=F64)
    for step in p.steps:
        noise, change = step(noise)
        volume = volume + change
    assert float(noise.detach().mean(0).abs().max()) < 4 / math.sqrt(20_000)
    torch.testing.assert_close(
        noise.detach().T.cov(), torch.eye(3, dtype=F64), rtol=0, atol=4 * math.sqrt(2 / 20_000)
    )


def composed(name: str, **more: Any) -> recipes.Composition:
    torch.manual_seed(0)
    facts = {"shape": (6,), "likelihood": "bernoulli", "latent": 2, "hidden": (8,)}
    return recipes.build(name, **facts, **PRIORS[name], **more)


def test_a_vamp_prior_is_the_mixture_of_the_posteriors_of_its_inputs() -> None:
    model = composed("vamp_prior").model.double()
    prior: Any = model.levels[0].prior
    q: Any = model.levels[0].posterior(None, model.encoder(prior.inputs))
    z = torch.randn(7, 1, 2, dtype=F64)
    each = Gaussian(q.loc, q.scale).log_prob(z) + prior.weights.log_softmax(0)
    torch.testing.assert_close(prior(None).log_prob(z), each.logsumexp(-1, keepdim=True))


@every
def test_samples_start_from_draws_that_have_the_density(name: str) -> None:
    """Mean, second moments and mean log p of what `imagine` draws are the integrals over a grid."""
    model, n = composed(name).model.double(), 20_000
    start(model, torch.randint(0, 2, (50, 6)).double())
    line = torch.linspace(-8, 8, 401, dtype=F64)
    grid = torch.stack(torch.meshgrid(line, line, indexing="ij"), -1).reshape(-1, 2)
    with torch.no_grad():
        [stage] = model.imagine(n).stages
        z, log_p = stage.z[0], stage.p.log_prob(grid)
    mass = log_p.exp() * float(line[1] - line[0]) ** 2
    assert float(mass.sum()) == pytest.approx(1, abs=1e-3)
    wanted = torch.cat([grid, grid**2, log_p[:, None]], 1)
    drawn = torch.cat([z, z**2, stage.p.log_prob(z).detach()[:, None]], 1)
    error = (drawn.mean(0) - mass @ wanted).abs() / (drawn.std(0) / math.sqrt(n))
    assert float(error.max()) < 4


@pytest.mark.parametrize("name", ["vamp_prior", "exemplar_prior"])
@pytest.mark.parametrize("rows", [3, 50])
def test_inputs_start_as_rows_of_the_data(name: str, rows: int) -> None:
    made = composed(name)
    x = torch.randint(0, 2, (rows, 6)).float()
    start(made.model, x)
    inputs: Tensor = made.model.levels[0].prior.inputs  # type: ignore[union-attr, assignment]
    assert inputs.shape == (6, 6)
    assert all(any(torch.equal(row, one) for one in x) for row in inputs)


@pytest.mark.parametrize(("likelihood", "low"), [("bernoulli", 0.0), ("poisson", 0.0)])
def test_learned_inputs_stay_within_the_data(likelihood: str, low: float) -> None:
    made = recipes.vamp_prior(shape=(6,), likelihood=likelihood, latent=2, pseudo_inputs=4)
    prior: Any = made.model.levels[0].prior
    with torch.no_grad():
        prior.inputs.sub_(5.0)
    assert float(prior.shown.detach().min()) == low
    assert bool(prior(None).sample((3,)).isfinite().all())


def test_categories_are_no_learned_inputs() -> None:
    with pytest.raises(UsageError, match="exemplar_prior"):
        recipes.vamp_prior(shape=(6,), likelihood="categorical", levels=3)


def test_a_prior_of_posteriors_owns_no_encoder() -> None:
    model = composed("vamp_prior").model
    names = {name for name, _ in model.named_parameters() if "prior" in name}
    assert names == {"levels.0.prior.inputs", "levels.0.prior.weights"}
    prior = model.levels[0].prior
    assert isinstance(prior, PosteriorMixturePrior)
    assert prior.borrowed[0] is model.encoder


def test_exemplars_stay_as_they_are() -> None:
    assert "levels.0.prior.inputs" not in dict(composed("exemplar_prior").model.named_parameters())
    assert "levels.0.prior.inputs" in composed("exemplar_prior").model.state_dict()


def test_a_flow_refuses_a_single_dimension() -> None:
    with pytest.raises(UsageError, match="mixture_prior"):
        recipes.flow_prior(shape=(3,), latent=1)


@every
def test_the_rate_is_estimated_at_the_drawn_latent(name: str) -> None:
    model = composed(name).model
    x = torch.randint(0, 2, (5, 6)).float()
    [stage] = model.observe(Batch(x, x), 3).stages
    assert stage.q is not None
    assert not stage.exact
    assert torch.equal(stage.rate(), stage.q.log_prob(stage.z) - stage.p.log_prob(stage.z))


def test_figures_of_a_known_prior_agree_with_the_closed_ones() -> None:
    """The same prior, once as N(0, I) and once by its density and 20,000 draws."""
    generator = torch.Generator().manual_seed(0)
    means = torch.randn(400, 3, generator=generator, dtype=F64)
    scales = 0.2 + 0.3 * torch.rand(400, 3, generator=generator, dtype=F64)
    p = StandardGaussian(torch.zeros(3, dtype=F64))
    draws = torch.randn(20_000, 3, generator=generator, dtype=F64)
    known = KnownPrior(p.log_prob, draws)
    closed, told = (mutual_information(means, scales, samples=50, prior=q) for q in (None, known))
    assert told.mutual_information == closed.mutual_information
    assert told.rate.mean == pytest.approx(closed.rate.mean, abs=0.1)
    ours, theirs = (aggregate_gap(means, scales, prior=q) for q in (None, known))
    torch.testing.assert_close(ours.mean, theirs.mean, rtol=0, atol=0.05)
    torch.testing.assert_close(ours.sd, theirs.sd, rtol=0, atol=0.05)
    assert abs(ours.mmd - theirs.mmd) < 0.01


@every
def test_a_trained_model_is_measured_diagnosed_and_shown(
    name: str, table: np.ndarray, tmp_path: Path
) -> None:
    model = fit(
        table, recipe=name, latent=3, hidden=(16,), epochs=4, out=tmp_path / "run", **PRIORS[name]
    )
    evaluation = evaluate(model, table, k=8)
    figures = evaluation.figures
    assert figures["nll"]["mean"] <= -figures["elbo"]["mean"] + 1e-6
    assert len(figures["rate"]["per_dimension"]) == 3
    assert all(math.isfinite(v) for v in figures["rate"]["per_dimension"])
    assert math.isfinite(figures["prior_gap"]["marginal_kl"]["mean"])
    assert all(finding.evidence for finding in diagnose(model, evaluation))
    again = load(tmp_path / "run")
    np.testing.assert_array_equal(model.sample(5), again.sample(5))
    prior = known_prior(model.module, 500)
    assert prior is not None
    assert prior.draws.shape == (500, 3)
    assert prior.log_prob(prior.draws).shape == (500,)


def test_the_prior_is_drawn_once_in_an_evaluation_and_never_decoded(
    table: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fit(table, "mixture_prior", latent=2, hidden=(8,), epochs=1)
    calls: list[int] = []

    def counting(*arguments: Any, **more: Any) -> Any:
        calls.append(1)
        with monkeypatch.context() as patch:
            patch.setattr(model.module.decoder, "forward", None)
            return known_prior(*arguments, **more)

    monkeypatch.setattr(sys.modules["variata.tasks.evaluate"], "known_prior", counting)
    evaluation = evaluate(model, table, k=2, samples=False)
    assert diagnose(model, evaluation) is not None
    report(model, evaluation, tmp_path / "r.html")
    assert len(calls) == 1
    assert evaluation.prior is not None
    p: Any = model.module.levels[0].prior(None)  # type: ignore[operator]
    torch.testing.assert_close(evaluation.prior.mean.float(), p.mean.flatten(), rtol=0, atol=0.1)


def test_the_standard_prior_needs_no_draws() -> None:
    assert known_prior(recipes.vae(shape=(4,), latent=2, hidden=(8,)).model) is None
