"""Richer posteriors: their densities, divergences, draws and inverses."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import LowRankMultivariateNormal, MultivariateNormal, kl_divergence
from torch.fx.experimental.proxy_tensor import make_fx

from variata.batch import Batch
from variata.conditionals import CovariancePosterior, FlowPosterior
from variata.distributions import (
    FullGaussian,
    InverseFlow,
    LowRankGaussian,
    OfNoise,
    StandardGaussian,
    WrappedNormal,
    kl,
    kl_each,
)
from variata.distributions.detached import detached
from variata.distributions.power_spherical import PowerSpherical
from variata.distributions.von_mises_fisher import VonMisesFisher
from variata.errors import NoDensityError
from variata.nn import Affine, MaskedStep, Spline
from variata.noise import Place, placed
from variata.recipes import build
from variata.schedules import Moment
from variata.shapes import draw, draw_mean
from variata.tasks.noise import Noise

F64 = torch.float64
L = 5


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def gaussians(dtype: torch.dtype = F64) -> tuple[Tensor, Tensor]:
    mean = torch.randn(3, L, generator=seeded(), dtype=F64)
    scale = 0.2 + torch.rand(3, L, generator=seeded(1), dtype=F64)
    return mean.to(dtype), scale.to(dtype)


def full_gaussian(dtype: torch.dtype = F64) -> tuple[FullGaussian, MultivariateNormal]:
    mean, scale = gaussians(dtype)
    lower = 2 * torch.randn(3, L, L, generator=seeded(2), dtype=F64).to(dtype).tril(-1)
    factor = scale.unsqueeze(-1) * (torch.eye(L, dtype=dtype) + lower)
    return FullGaussian(mean, scale, lower), MultivariateNormal(mean, scale_tril=factor)


def low_rank(dtype: torch.dtype = F64) -> tuple[LowRankGaussian, LowRankMultivariateNormal]:
    mean, scale = gaussians(dtype)
    across = 2 * torch.randn(3, L, 2, generator=seeded(2), dtype=F64).to(dtype)
    known = LowRankMultivariateNormal(mean, scale.unsqueeze(-1) * across, scale.square())
    return LowRankGaussian(mean, scale, across), known


def moved(module: torch.nn.Module, by: float = 0.5) -> Any:
    """Far from the identity that flows start near."""
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(by * torch.randn_like(parameter))
    return module.double()


def flow(function: Any, steps: int = 3) -> InverseFlow:
    chain = [MaskedStep(L, 4, function, 16, reverse=i % 2 == 1) for i in range(steps)]
    posterior = moved(FlowPosterior(4, L, chain), 0.2)
    return posterior(None, torch.randn(3, 4, generator=seeded(), dtype=F64))


def wrapped() -> WrappedNormal:
    return WrappedNormal(*gaussians())


def spherical(kind: Any, size: int = L) -> Any:
    direction = torch.randn(3, size, generator=seeded(), dtype=F64)
    concentration = torch.tensor([0.5, 5.0, 80.0], dtype=F64)
    return kind(torch.nn.functional.normalize(direction, dim=-1), concentration)


MADE: dict[str, Callable[[], OfNoise]] = {
    "full covariance": lambda: full_gaussian()[0],
    "low-rank covariance": lambda: low_rank()[0],
    "affine flow": lambda: flow(Affine()),
    "spline flow": lambda: flow(Spline(6)),
    "wrapped normal": wrapped,
    "power spherical": lambda: spherical(PowerSpherical),
    "power spherical, even": lambda: spherical(PowerSpherical, 4),
    "von Mises-Fisher": lambda: spherical(VonMisesFisher),
}
AS_WIDE = [name for name, make in MADE.items() if make().noise_shape == make().event_shape]
every = pytest.mark.parametrize("make", MADE.values(), ids=MADE)


@every
def test_a_draw_knows_the_density_that_inversion_finds(make: Callable[[], OfNoise]) -> None:
    q = make()
    torch.manual_seed(0)
    z = q.rsample(torch.Size((50,)))
    assert z.shape == (50, *q.batch_shape, *q.event_shape)
    torch.testing.assert_close(q.log_prob(z), q.log_prob(z.clone()), rtol=1e-7, atol=1e-7)
    assert not q.sample().requires_grad


@pytest.mark.parametrize("make", [MADE[name] for name in AS_WIDE], ids=AS_WIDE)
def test_the_density_of_a_draw_is_that_of_the_change_of_variables(
    make: Callable[[], OfNoise],
) -> None:
    """log q(z) = log N(e) - log |det dz/de|."""
    q = make()
    for row in torch.randn(3, *q.noise_shape, generator=seeded(), dtype=F64):

        def first(normal: Tensor) -> Tensor:
            return q.make(normal.expand(*q.batch_shape, -1))[0][0]

        jacobian: Any = torch.autograd.functional.jacobian(first, row)
        normal = -0.5 * (row.square().sum() + L * math.log(2 * math.pi))
        want = normal - torch.linalg.slogdet(jacobian)[1]
        got = q.make(row.expand(*q.batch_shape, -1))[1][0]
        torch.testing.assert_close(got, want, rtol=1e-9, atol=1e-9)


@every
def test_noise_belongs_to_rows(make: Callable[[], OfNoise]) -> None:
    """A part of a batch, and a piece of an evaluation, draw what the whole draws."""
    q = make()
    torch.manual_seed(0)
    whole = draw(q, 2, 3)
    torch.manual_seed(0)
    with placed(Place(1, 4, 6)):
        part = draw(q, 2, 3)
    torch.manual_seed(0)
    normal = torch.randn(2, 6, *q.noise_shape, dtype=F64)
    torch.testing.assert_close(part, q.make(normal[:, 1:4])[0])
    assert not torch.equal(whole, part)
    for own in (True, False):
        drawn = Noise(7, range(70), range(3), own)(q, 70, 3)
        piece = Noise(7, range(64, 70), range(3), own)(q, 6, 3)
        assert torch.equal(drawn[64:], piece)
    assert draw_mean(q, 2, 3).shape == (2, 3, *q.event_shape)


@pytest.mark.parametrize("make", [full_gaussian, low_rank])
@pytest.mark.parametrize("dtype", [F64, torch.float32])
def test_covariances_agree_with_torch(make: Any, dtype: torch.dtype) -> None:
    q, known = make(dtype)
    close = {"rtol": 1e-5, "atol": 1e-5 if dtype is F64 else 1e-4}
    z = known.sample(torch.Size((20,)))
    torch.testing.assert_close(q.log_prob(z), known.log_prob(z), **close)
    torch.testing.assert_close(q.mean, known.mean, **close)
    torch.testing.assert_close(q.variance, known.variance, **close)
    p = StandardGaussian(torch.zeros(L, dtype=dtype))
    unit = MultivariateNormal(torch.zeros(L, dtype=dtype), torch.eye(L, dtype=dtype))
    torch.testing.assert_close(kl(q, p), kl_divergence(known, unit), **close)
    assert (kl_each(q, p) > -1e-6).all()


@pytest.mark.parametrize("make", [full_gaussian, low_rank])
def test_draws_have_the_covariance(make: Any) -> None:
    q, known = make()
    torch.manual_seed(0)
    z = q.sample(torch.Size((40_000,)))
    for i in range(3):
        want = known.covariance_matrix[i]
        size = want.diagonal().sqrt()
        off = (z[:, i].T.cov() - want) / (size[:, None] * size)
        assert off.abs().max() < 5 / math.sqrt(40_000)


def test_the_rate_of_an_element_of_a_full_covariance_is_given_those_before_it() -> None:
    """The chain rule: E KL(q(z_i | z_<i) || N(0, 1)), with the conditional Gaussians of q."""
    q, known = full_gaussian()
    each, c = kl_each(q, StandardGaussian(torch.zeros(L, dtype=F64))), known.covariance_matrix
    for i in range(L):
        gain = c[:, i : i + 1, :i] @ torch.linalg.inv(c[:, :i, :i]) if i else c[:, :1, :0]
        explained = (gain @ c[:, :i, i : i + 1]).flatten()
        variance = c[:, i, i] - explained
        second = variance + explained + q.loc[:, i].square()
        torch.testing.assert_close(each[:, i], 0.5 * (second - 1 - variance.log()))


@pytest.mark.parametrize("rank", [None, 2])
def test_a_covariance_starts_close_to_a_diagonal_and_keeps_its_place(rank: int | None) -> None:
    torch.manual_seed(0)
    q: Any = CovariancePosterior(6, L, rank)(None, torch.randn(4, 6))
    matrix = q.lower if rank is None else q.across
    assert 0 < matrix.abs().max() < 1
    if rank is None:
        assert torch.equal(matrix, matrix.tril(-1))
        assert int((matrix[0] != 0).sum()) == L * (L - 1) // 2


def test_a_spline_is_monotone_invertible_and_knows_its_slope() -> None:
    spline = Spline(bins=6, box=3.0)
    raw = 2 * torch.randn(400, spline.parameters, generator=seeded(), dtype=F64)
    x = torch.linspace(-4, 4, 400, dtype=F64, requires_grad=True)
    y, change = spline(x, raw)
    [slope] = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(change, slope.log(), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(spline.inverse(y, raw), x, rtol=1e-8, atol=1e-8)
    assert torch.equal(y[x.abs() >= 3], x[x.abs() >= 3])
    assert (change[x.abs() >= 3] == 0).all()
    same = raw[:1].expand(400, -1)
    assert (spline(x, same)[0].diff() > 0).all()


def test_a_spline_is_continuous_at_its_knots_and_starts_as_the_identity() -> None:
    spline = Spline(bins=5, box=2.0)
    raw = torch.randn(1, spline.parameters, generator=seeded(), dtype=F64)
    xs = spline._knots(raw[:, :5]).flatten()
    for x in xs:
        near = torch.stack([x - 1e-9, x + 1e-9])
        y, change = spline(near, raw.expand(2, -1))
        torch.testing.assert_close(y[0], y[1], rtol=0, atol=1e-5)
        torch.testing.assert_close(change[0], change[1], rtol=0, atol=1e-5)
    x = torch.linspace(-3, 3, 50, dtype=F64)
    y, change = spline(x, torch.zeros(50, spline.parameters, dtype=F64))
    torch.testing.assert_close(y, x)
    torch.testing.assert_close(change, torch.zeros_like(x))


def test_a_spline_in_single_precision_inverts_to_its_digits() -> None:
    spline = Spline()
    raw = 3 * torch.randn(10_000, spline.parameters, generator=seeded())
    x = 2 * torch.randn(10_000, generator=seeded(1))
    y, change = spline(x, raw)
    apart = (spline.inverse(y, raw) - x).abs() * change.exp().clamp_max(1)
    assert apart.max() < 1e-3
    assert change.isfinite().all()


@pytest.mark.parametrize("function", [Affine(), Spline(4)])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_masked_step_reads_what_lies_before(function: Any, reverse: bool) -> None:
    step = moved(MaskedStep(L, 3, function, 20, reverse), 0.3)
    x, c = torch.randn(L, dtype=F64), torch.randn(1, 3, dtype=F64)
    jacobian: Any = torch.autograd.functional.jacobian(lambda v: step(v[None], c)[0][0], x)
    jacobian = jacobian.flip(0, 1) if reverse else jacobian
    assert torch.equal(jacobian, jacobian.tril())
    assert (jacobian.tril(-1).abs().sum(1)[1:] > 0).all()
    assert (jacobian.diagonal() > 0).all()
    informed: Any = torch.autograd.functional.jacobian(lambda v: step(x[None], v)[0][0], c)
    assert (informed.abs().sum((1, 2)) > 0).all()


def test_flows_have_no_deviations_and_no_fixed_parameters() -> None:
    q = flow(Affine())
    with pytest.raises(NoDensityError, match="covariance_vae"):
        q.variance  # noqa: B018
    with pytest.raises(NoDensityError, match="iwae"):
        detached(q)


@pytest.mark.parametrize("function", [Affine(), Spline(4)])
def test_a_flow_can_fit_what_no_gaussian_is(function: Any) -> None:
    """Under a target with two bent arms, the flow's rate falls below the best Gaussian's."""

    def target(z: Tensor) -> Tensor:
        return -0.5 * (z[..., 0].square() + ((z[..., 1] - z[..., 0].square()) / 0.3).square())

    def found(steps: int) -> float:
        torch.manual_seed(0)
        chain = [MaskedStep(2, 1, function, 16, i % 2 == 1) for i in range(steps)]
        posterior, features = FlowPosterior(1, 2, chain), torch.ones(1, 1)
        optimiser = torch.optim.Adam(posterior.parameters(), 2e-2)
        for _ in range(300):
            q = posterior(None, features)
            z = q.rsample(torch.Size((128,)))
            cost = (q.log_prob(z) - target(z)).mean()
            optimiser.zero_grad()
            cost.backward()
            optimiser.step()
        q = posterior(None, features)
        z = q.rsample(torch.Size((4_000,)))
        return float((q.log_prob(z) - target(z)).mean().detach())

    assert found(4) < found(0) - 0.3


def test_a_cached_density_does_not_outlive_its_draw() -> None:
    model = build(
        "flow_posterior", shape=(4,), likelihood="gaussian", latent=3, hidden=(8,), width=8
    ).model
    x = torch.randn(6, 4, generator=seeded())
    [stage] = model.observe(Batch(x, x), 2).stages
    assert stage.q is not None
    known = stage.q.log_prob(stage.z)
    stage.q.rsample()
    torch.testing.assert_close(stage.q.log_prob(stage.z), known, rtol=1e-4, atol=1e-4)


RECIPES: list[tuple[str, dict[str, Any]]] = [
    ("covariance_vae", {}),
    ("covariance_vae", {"covariance": "low_rank", "rank": 2}),
    ("flow_posterior", {"steps": 2, "width": 8}),
    ("flow_posterior", {"flow": "spline", "steps": 2, "width": 8, "bins": 4}),
    ("spherical_vae", {}),
    ("spherical_vae", {"distribution": "von_mises_fisher"}),
    ("hyperbolic_vae", {}),
]


@pytest.mark.parametrize(("name", "arguments"), RECIPES)
def test_a_step_is_one_graph_without_decisions(name: str, arguments: dict[str, Any]) -> None:
    """What is recorded on one batch gives the loss and gradients of another."""
    facts = {"shape": (6,), "likelihood": "gaussian", "latent": 4, "hidden": (8,)}
    made = build(name, **facts, **arguments)
    weights = list(made.model.parameters())
    objective = made.phases[-1].objective

    def step(x: Tensor) -> tuple[Tensor, ...]:
        trace = made.model.observe(Batch(x, x), objective.samples)
        loss = objective(made.model, trace, Moment(1000, 0.9)).total
        return (loss, *torch.autograd.grad(loss, weights))

    x, other = torch.randn(2, 5, 6, generator=seeded())
    graph = make_fx(step, tracing_mode="fake", _allow_non_fake_inputs=True)(x)
    torch.manual_seed(0)
    want = step(other)
    torch.manual_seed(0)
    for a, b in zip(graph(other), want, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "arguments"), RECIPES)
def test_short_products_leave_densities_whole(name: str, arguments: dict[str, Any]) -> None:
    facts = {"shape": (6,), "likelihood": "gaussian", "latent": 4, "hidden": (8,)}
    model, x = build(name, **facts, **arguments).model, torch.randn(5, 6, generator=seeded())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        [stage] = model.observe(Batch(x, x), 2).stages
        rate, ratio = stage.rate(), stage.log_ratio()
    assert stage.z.dtype == rate.dtype == ratio.dtype == torch.float32
    known = stage.q.log_prob(stage.z) - stage.p.log_prob(stage.z)  # type: ignore[union-attr]
    assert torch.equal(ratio, known)
    assert rate.isfinite().all()
