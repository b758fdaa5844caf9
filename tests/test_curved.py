"""Latents on spheres and in hyperbolic space: densities, draws, divergences, ways."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import special, stats
from torch import Tensor
from torch.nn import functional as F

from variata import fit, recipes
from variata.conditionals import SphericalPosterior, by_direction
from variata.distributions import (
    Gaussian,
    PowerSpherical,
    StandardGaussian,
    UniformSphere,
    VonMisesFisher,
    WrappedNormal,
    has_kl,
    kl,
    kl_each,
)
from variata.distributions.hyperbolic import geodesic, log_stretch, translated
from variata.distributions.power_spherical import half_step
from variata.distributions.sphere import great_circle, log_area
from variata.errors import NoDensityError, UsageError
from variata.tasks.evaluate import evaluate
from variata.tasks.refit import refit_prior
from variata.tasks.spaces import shortest

F64 = torch.float64
KINDS: dict[str, Any] = {"power spherical": PowerSpherical, "von Mises-Fisher": VonMisesFisher}
kinds = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
sizes = pytest.mark.parametrize("size", [2, 3, 4, 5, 20, 41])
concentrations = pytest.mark.parametrize("concentration", [1e-3, 0.7, 6.0, 90.0, 5e3])


def around(kind: Any, size: int, concentration: float, dtype: torch.dtype = F64) -> Any:
    direction = torch.randn(1, size, generator=torch.Generator().manual_seed(5), dtype=F64)
    return kind(
        F.normalize(direction, dim=-1).to(dtype), torch.tensor([concentration], dtype=dtype)
    )


def log_known(kind: Any, size: int, k: float) -> float:
    """log density at the direction itself, by special functions."""
    if kind is PowerSpherical:
        b = (size - 1) / 2
        total = (2 * b + k) * math.log(2) + b * math.log(math.pi)
        return k * math.log(2) - total - special.gammaln(b + k) + special.gammaln(2 * b + k)
    order = size / 2 - 1
    bessel = math.log(special.ive(order, k)) + k
    return k + order * math.log(k) - size / 2 * math.log(2 * math.pi) - bessel


@kinds
@sizes
@concentrations
def test_densities_on_the_sphere_are_the_known_ones(
    kind: Any, size: int, concentration: float
) -> None:
    q = around(kind, size, concentration)
    want = log_known(kind, size, concentration)
    assert q.log_prob(q.direction).item() == pytest.approx(want, rel=1e-6, abs=2e-6)
    single = around(kind, size, concentration, torch.float32)
    got = single.log_prob(single.direction).item()
    assert got == pytest.approx(want, rel=1e-5, abs=2e-3 + 3e-7 * concentration)


@kinds
@sizes
@concentrations
def test_the_rate_is_minus_the_entropy_up_to_the_area(
    kind: Any, size: int, concentration: float
) -> None:
    """Entropies by special functions: E log q = log q(direction) + what the cosine costs."""
    q, p = around(kind, size, concentration), UniformSphere(torch.zeros(size, dtype=F64))
    assert has_kl(q, p)
    b = (size - 1) / 2
    if kind is PowerSpherical:
        fall = special.digamma(b + concentration) - special.digamma(2 * b + concentration)
    else:
        orders = size / 2 - 1, size / 2
        low, high = (special.ive(order, concentration) for order in orders)
        fall = high / low - 1
    want = log_known(kind, size, concentration) + concentration * fall + log_area(size)
    assert kl(q, p).item() == pytest.approx(want, rel=1e-6, abs=2e-6)
    assert (kl_each(q, p) >= -1e-7).all()
    single = around(kind, size, concentration, torch.float32)
    assert kl(single, p).item() == pytest.approx(want, rel=1e-4, abs=2e-4)


@kinds
@pytest.mark.parametrize("size", [2, 3, 6, 21])
@pytest.mark.parametrize("concentration", [0.3, 4.0, 200.0])
def test_draws_lie_on_the_sphere_and_have_the_distribution(
    kind: Any, size: int, concentration: float
) -> None:
    """Kolmogorov and Smirnov on the cosine; then the mean, the rate and the variance."""
    q, n = around(kind, size, concentration, torch.float32), 10_000
    torch.manual_seed(0)
    z = q.rsample(torch.Size((n,)))
    torch.testing.assert_close(z.norm(dim=-1), torch.ones(n, 1), rtol=0, atol=1e-5)
    cosine = (z * q.direction).sum(-1).flatten().double().numpy()
    if kind is PowerSpherical:
        b = (size - 1) / 2
        target: Any = stats.beta(b + concentration, b, loc=-1, scale=2).cdf
    else:
        grid = np.linspace(0, math.pi, 40_001)[1:-1]
        mass = np.exp(concentration * (np.cos(grid) - 1)) * np.sin(grid) ** (size - 2)
        ends = np.cumsum(mass) / mass.sum()
        target = lambda t: 1 - np.interp(np.arccos(np.clip(t, -1, 1)), grid, ends)  # noqa: E731
    assert stats.kstest(cosine, target).pvalue > 1e-3
    first, second = q.moments()
    assert cosine.mean() == pytest.approx(first.item(), abs=5 / math.sqrt(n))
    assert (cosine**2).mean() == pytest.approx(second.item(), abs=5 / math.sqrt(n))
    mean = F.normalize(z.mean(0), dim=-1)
    assert (mean * q.direction).sum() > 1 - 20 * size / n / min(1, concentration) ** 2
    spread = z.var(0) / q.variance - 1
    assert spread.abs().max() < 0.1
    rates = q.log_prob(z) + log_area(size)
    rate, error = rates.mean().item(), rates.std().item() / math.sqrt(n)
    assert rate == pytest.approx(kl(q, UniformSphere(torch.zeros(size))).item(), abs=5 * error)


@kinds
@pytest.mark.parametrize("size", [2, 3, 6])
def test_a_density_on_the_sphere_integrates_to_one(kind: Any, size: int) -> None:
    """By uniform points, in the mean of q over the uniform density."""
    q = around(kind, size, 2.0)
    torch.manual_seed(0)
    points = UniformSphere(torch.zeros(size, dtype=F64)).sample(torch.Size((200_000,)))
    share = (q.log_prob(points) + log_area(size)).exp().mean().item()
    assert share == pytest.approx(1, abs=0.02)


@kinds
@pytest.mark.parametrize("size", [2, 3, 6])
def test_gradients_of_expectations_are_unbiased(kind: Any, size: int) -> None:
    """E[a . z] is a . direction times the mean cosine, whose derivatives are known."""
    raw = torch.randn(size, generator=torch.Generator().manual_seed(5), dtype=F64)
    raw.requires_grad_()
    k = torch.tensor(3.0, dtype=F64, requires_grad=True)
    n, a = 20_000, torch.linspace(-1, 1, size, dtype=F64) + 0.3

    def q(rows: int) -> Any:
        return kind(F.normalize(raw, dim=-1).expand(rows, -1), k.expand(rows))

    known = q(1)
    exact = (known.moments()[0] * (known.direction * a).sum(-1)).sum()
    torch.manual_seed(0)
    drawn = (q(n).rsample() * a).sum(-1).mean()
    for want, got in zip(
        torch.autograd.grad(exact, [raw, k]), torch.autograd.grad(drawn, [raw, k]), strict=True
    ):
        torch.testing.assert_close(got, want, rtol=0.02, atol=6 / math.sqrt(n))


def test_half_steps_of_the_gamma_function() -> None:
    x = torch.logspace(-0.3, 5, 200, dtype=F64)
    value, slope = half_step(x)
    for got, one in ((value, special.gammaln), (slope, special.digamma)):
        want = one(x.numpy() + 0.5) - one(x.numpy())
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-9, atol=1e-9)


def test_extreme_concentrations_stay_finite() -> None:
    for kind in KINDS.values():
        for concentration in (1e-6, 1e6):
            for size in (2, 3, 128):
                q = around(kind, size, concentration, torch.float32)
                direction = q.direction.clone().requires_grad_()
                k = q.concentration.clone().requires_grad_()
                q = kind(direction, k)
                z = q.rsample(torch.Size((500,)))
                cost = q.log_prob(z).mean() + z.sum() + q.rate().sum()
                for gradient in torch.autograd.grad(cost, [direction, k]):
                    assert gradient.isfinite().all()
                assert z.isfinite().all()


def test_great_circles_stay_on_the_sphere_at_an_even_pace() -> None:
    torch.manual_seed(0)
    a, b = F.normalize(torch.randn(2, 7, dtype=F64), dim=-1)
    path = great_circle(a, b, torch.linspace(0, 1, 9, dtype=F64)[:, None])
    torch.testing.assert_close(path.norm(dim=-1), torch.ones(9, dtype=F64))
    torch.testing.assert_close(path[[0, -1]], torch.stack([a, b]))
    steps = (path[1:] * path[:-1]).sum(-1).acos()
    torch.testing.assert_close(steps, torch.full((8,), float((a * b).sum().acos() / 8), dtype=F64))
    torch.testing.assert_close(by_direction(None, 3 * a), math.sqrt(7) * a)


def test_a_sphere_needs_two_dimensions() -> None:
    with pytest.raises(UsageError, match="2 dimensions or more, got 1"):
        SphericalPosterior(4, 1, "power_spherical")
    with pytest.raises(UsageError, match="distribution"):
        recipes.spherical_vae(shape=(4,), latent=3, distribution="gaussian")


def hyperboloid(v: Tensor) -> Tensor:
    """The point of the Lorentz model that tangent coordinates (..., L) stand for."""
    r = v.norm(dim=-1, keepdim=True)
    return torch.cat([r.cosh(), r.sinh() / r * v], -1)


def lorentz(a: Tensor, b: Tensor) -> Tensor:
    return (a[..., 1:] * b[..., 1:]).sum(-1) - a[..., 0] * b[..., 0]


def test_translations_are_those_of_the_lorentz_model() -> None:
    """As Nagano et al. write it: parallel transport to the mean, then its exponential map."""
    torch.manual_seed(0)
    v, mean = torch.randn(2, 50, 4, dtype=F64)
    origin, mu = torch.eye(5, dtype=F64)[0].expand(50, -1), hyperboloid(mean)
    torch.testing.assert_close(lorentz(mu, mu), -torch.ones(50, dtype=F64))
    flat = F.pad(v, (1, 0))
    weight = lorentz(mu, flat) / (1 - lorentz(origin, mu))
    u = flat + weight.unsqueeze(-1) * (origin + mu)
    size = lorentz(u, u).sqrt().unsqueeze(-1)
    want = size.cosh() * mu + size.sinh() / size * u
    torch.testing.assert_close(hyperboloid(translated(v, mean)), want)


def test_translations_are_undone_and_keep_distances() -> None:
    torch.manual_seed(0)
    a, b, by = 2 * torch.randn(3, 100, 4, dtype=F64)
    torch.testing.assert_close(translated(translated(a, by), -by), a)
    torch.testing.assert_close(translated(a, torch.zeros(4, dtype=F64)), a)
    before, after = (
        -lorentz(hyperboloid(x), hyperboloid(y))
        for x, y in ((a, b), (translated(a, by), translated(b, by)))
    )
    torch.testing.assert_close(after, before, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("far", [0.01, 1.0, 4.0, 9.0])
def test_single_precision_is_enough(far: float) -> None:
    torch.manual_seed(0)
    direction, v = torch.randn(2, 400, 6, dtype=F64)
    mean, scale = far * F.normalize(direction, dim=-1), torch.full((6,), 0.3, dtype=F64)
    double = WrappedNormal(mean, scale.expand_as(mean))
    single = WrappedNormal(mean.float(), scale.float().expand_as(mean))
    (z, log_prob), (z32, log_prob32) = double.make(v), single.make(v.float())
    torch.testing.assert_close(z32.double(), z, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(log_prob32.double(), log_prob, rtol=1e-4, atol=1e-3)


def test_points_at_any_distance_stay_finite() -> None:
    mean = torch.tensor([[0.0, 0.0], [1e-20, 0.0], [60.0, 0.0], [500.0, 1.0]], requires_grad=True)
    scale = torch.tensor([1.0, 1e-3, 50.0, 100.0])[:, None].expand(4, 2)
    torch.manual_seed(0)
    q = WrappedNormal(mean, scale)
    z = q.rsample(torch.Size((200,)))
    [gradient] = torch.autograd.grad((z.sum() + q.log_prob(z).sum()), mean)
    assert z.isfinite().all()
    assert gradient.isfinite().all()


@pytest.mark.parametrize("mean", [[0.0, 0.0], [1.0, -0.5], [0.0, 2.5]])
def test_a_wrapped_normal_integrates_to_one(mean: list[float]) -> None:
    """Over its coordinates; and over hyperbolic volume, in polar ones."""
    q = WrappedNormal(torch.tensor(mean, dtype=F64), torch.tensor([0.5, 0.9], dtype=F64))
    line = torch.linspace(-12, 12, 801, dtype=F64)
    grid = torch.stack(torch.meshgrid(line, line, indexing="ij"), -1).reshape(-1, 2)
    total = q.log_prob(grid).exp().sum() * float(line[1] - line[0]) ** 2
    assert float(total) == pytest.approx(1, abs=1e-3)
    r = torch.linspace(0, 12, 1201, dtype=F64)[1:]
    angle = torch.arange(400, dtype=F64) * 2 * math.pi / 400
    polar = r[:, None, None] * torch.stack([angle.cos(), angle.sin()], -1)
    per_volume = (q.log_prob(polar) - log_stretch(polar)).exp()
    volume = per_volume * r.sinh()[:, None] * float(r[1] - r[0]) * 2 * math.pi / 400
    assert float(volume.sum()) == pytest.approx(1, abs=1e-3)


def test_around_the_origin_it_is_the_gaussian() -> None:
    z = torch.randn(20, 3, generator=torch.Generator().manual_seed(0), dtype=F64)
    zeros, ones = torch.zeros(3, dtype=F64), torch.ones(3, dtype=F64)
    torch.testing.assert_close(
        WrappedNormal(zeros, 0.4 * ones).log_prob(z), Gaussian(zeros, 0.4 * ones).log_prob(z)
    )
    torch.testing.assert_close(
        WrappedNormal(zeros, ones).log_prob(z), StandardGaussian(zeros).log_prob(z)
    )


def test_geodesics_are_the_shortest_way_at_an_even_pace() -> None:
    torch.manual_seed(0)
    a, b = torch.randn(2, 3, dtype=F64)
    path = geodesic(a, b, torch.linspace(0, 1, 9, dtype=F64)[:, None])
    torch.testing.assert_close(path[[0, -1]], torch.stack([a, b]))
    steps = translated(path[1:], -path[:-1]).norm(dim=-1)
    whole = translated(b, -a).norm()
    torch.testing.assert_close(steps, whole.expand(8) / 8)


RICH: dict[str, dict[str, Any]] = {
    "covariance_vae": {},
    "flow_posterior": {"steps": 2, "width": 8},
    "spherical_vae": {},
    "hyperbolic_vae": {},
}


@pytest.mark.parametrize("name", RICH)
def test_every_verb_works_or_refuses(name: str, table: np.ndarray) -> None:
    model = fit(table, name, latent=3, hidden=(16,), epochs=3, **RICH[name])
    figures = evaluate(model, table, k=16).figures
    assert figures["nll"]["mean"] <= -figures["elbo"]["mean"] + 1e-2
    z = model.encode(table)
    assert np.isfinite(model.score(table[:20])).all()
    path = shortest(model.module, model.widths, *torch.tensor(z[:2]), 7).numpy()
    np.testing.assert_allclose(path[[0, -1]], z[:2], atol=1e-5)
    np.testing.assert_allclose(
        model.interpolate(table[0], table[1], 7), model.decode(path), rtol=1e-5
    )
    if name == "spherical_vae":
        np.testing.assert_allclose(np.linalg.norm(z, axis=1), 1, atol=1e-5)
        np.testing.assert_allclose(np.linalg.norm(path, axis=1), 1, atol=1e-5)
        np.testing.assert_allclose(model.decode(z), model.decode(5 * z), rtol=1e-4, atol=1e-4)
        with pytest.raises(UsageError, match="on a sphere"):
            refit_prior(model, data=table)
    else:
        refit = refit_prior(model, data=table, components=3)
        before, after = (evaluate(m, table, k=2).figures for m in (model, refit.model))
        gain = before["rate"]["mean"] - after["rate"]["mean"]
        assert gain == pytest.approx(refit.after - refit.before, abs=0.3)
    if name in ("flow_posterior", "hyperbolic_vae"):
        with pytest.raises(NoDensityError, match="infer"):
            model.posterior(table)
    else:
        assert (model.posterior(table)[1] > 0).all()


def test_a_condition_rides_beside_the_direction(table: np.ndarray) -> None:
    kinds = ["cat", "dog"] * (len(table) // 2) + ["cat"] * (len(table) % 2)
    model = fit(table, "spherical_vae", condition=kinds, latent=3, hidden=(16,), epochs=2)
    z = model.encode(table, condition=kinds)
    cats, dogs = (model.decode(z, condition=kind) for kind in ("cat", "dog"))
    assert not np.allclose(cats, dogs)
    np.testing.assert_allclose(cats, model.decode(3 * z, condition="cat"), rtol=1e-3, atol=1e-4)
