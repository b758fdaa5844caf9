"""Many levels of latents, on grids that grow finer from the top down."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from compiled import NEEDS_COMPILER
from latents import joint_weight
from rows import Rows
from variata import fit, load, recipes
from variata.batch import Batch
from variata.errors import UsageError
from variata.models import LatentModel
from variata.nn import Pyramid, grids
from variata.recipes import Composition
from variata.shapes import draw_mean
from variata.tasks.bulk import _Limit, _Parted
from variata.tasks.evaluate import evaluate
from variata.training import Settings
from variata.training import fit as train

SMALL: dict[str, Any] = {"latent": 2, "width": 4, "depth": 4}


def made(shape: tuple[int, ...] = (1, 9, 7), seed: int = 0, **more: Any) -> Composition:
    torch.manual_seed(seed)
    return recipes.deep_vae(shape=shape, **({"likelihood": "bernoulli"} | SMALL | more))


def images(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(1)).round()


def observed(model: LatentModel, n: int = 3, k: int = 1, seed: int = 2) -> Any:
    torch.manual_seed(seed)
    x = images(n, 1, 9, 7)
    return model.observe(Batch(x, x), k)


@pytest.mark.parametrize(
    ("shape", "found"),
    [
        ((1, 28, 28), [(4, 4), (7, 7), (14, 14), (28, 28)]),
        ((3, 32, 32), [(4, 4), (8, 8), (16, 16), (32, 32)]),
        ((1, 17, 23), [(3, 3), (5, 6), (9, 12), (17, 23)]),
        ((1, 8, 8), [(4, 4), (8, 8)]),
        ((1, 40, 3), [(3, 1), (5, 1), (10, 1), (20, 2), (40, 3)]),
        ((1, 1, 1), [(1, 1)]),
    ],
)
def test_grids_halve_down_to_a_few_positions(
    shape: tuple[int, ...], found: list[tuple[int, int]]
) -> None:
    assert grids(shape) == found
    features = Pyramid(shape, 4, 6, [1] * len(found))(torch.zeros(2, *shape))
    assert [f.shape for f in features] == [(2, 6), *((2, 4, *size) for size in found)]


@pytest.mark.parametrize(("likelihood", "levels"), [("bernoulli", None), ("logistic_mixture", 256)])
@pytest.mark.parametrize("shape", [(1, 17, 23), (3, 8, 8), (3, 5, 40), (1, 1, 1)])
@pytest.mark.parametrize(("depth", "scales"), [(1, 1), (2, 2), (5, 2), (6, 9)])
def test_every_level_lies_on_its_grid(
    shape: tuple[int, ...], likelihood: str, levels: int | None, depth: int, scales: int
) -> None:
    """Whatever the size of an image, and however levels and grids are chosen."""
    given = {"likelihood": likelihood, "levels": levels, "depth": depth, "scales": scales}
    made_, x = made(shape, **given), images(2, *shape)
    trace = made_.model.observe(Batch(x, x), 3)
    used = [height * width for height, width in grids(shape)][:scales]
    sizes = [stage.z.shape[-1] // 2 for stage in trace.stages]
    assert sizes[0] == 1
    assert len(sizes) == depth
    assert sizes[1:] == sorted(sizes[1:])
    assert set(sizes[1:]) <= set(used)
    assert trace.distortion().shape == (3, 2)
    made_.loss(x).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in made_.model.parameters())
    assert made_.model.imagine(2).likelihood.sample().shape == (1, 2, *shape)


def test_weights_are_the_joint_density_over_that_of_the_posteriors() -> None:
    model, x = made().model, images(5, 1, 9, 7)
    trace = model.observe(Batch(x, x), k=4)
    torch.testing.assert_close(trace.log_weight(), joint_weight(model, trace))


def test_rates_are_closed_and_add_up() -> None:
    """Those of all latents to that of the model; each is what its estimates come to."""
    trace = observed(made().model, k=4_000)
    each = torch.cat([stage.rate_each() for stage in trace.stages], -1)
    torch.testing.assert_close(each.sum(-1), trace.rate())
    for stage in trace.stages:
        drawn, closed = stage.log_ratio(), stage.rate().mean(0)
        error = drawn.std(0) / 4_000**0.5
        assert ((drawn.mean(0) - closed).abs() < 5 * error + 1e-4).all()


def test_a_posterior_that_reads_no_features_and_has_its_priors_weights_has_no_rate() -> None:
    model = made().model
    for level in list(model.levels)[1:]:
        prior, posterior = level.prior, level.posterior
        posterior.load_state_dict(prior.state_dict(), strict=False)  # type: ignore[union-attr]
        for weight in posterior.told.parameters():  # type: ignore[union-attr]
            torch.nn.init.zeros_(weight)
    trace = observed(model)
    assert all(bool((stage.rate_each() == 0).all()) for stage in trace.stages[1:])
    assert trace.stages[0].rate().min() > 0


def test_latents_that_nothing_reads_lose_their_rate() -> None:
    made_, x = made(), images(32, 1, 9, 1).expand(-1, -1, -1, 7)
    ignored: Any = made_.model.levels[2]
    for weight in ignored.merge.latent.parameters():
        torch.nn.init.zeros_(weight).requires_grad_(False)
    weights = [p for p in made_.model.parameters() if p.requires_grad]
    optimiser = torch.optim.Adam(weights, lr=1e-2)
    for _ in range(150):
        optimiser.zero_grad()
        made_.loss(x).backward()
        optimiser.step()
    rates = [stage.rate().mean().item() for stage in made_.model.observe(Batch(x, x)).stages]
    assert rates[2] < 0.02
    assert sum(rates) > 1


@pytest.mark.parametrize("depth", [2, 40])
def test_what_goes_down_stays_in_bounds_however_deep(depth: int) -> None:
    made_ = made(depth=depth, width=16)
    trace = observed(made_.model, n=20)
    sizes: list[float] = []
    h: Tensor | None = None
    for level, stage in zip(made_.model.levels, trace.stages, strict=True):
        h = level.merge(h, stage.z)  # type: ignore[operator]
        assert h is not None
        sizes.append(h.std().item())
    assert 0.1 < sizes[-1] < 2


def test_priors_start_close_to_the_standard_normal() -> None:
    for stage in observed(made(width=16).model).stages:
        p: Any = stage.p
        assert p.mean.abs().max() < 0.3
        assert (p.variance.sqrt() - 1).abs().max() < 0.3


def test_levels_below_follow_those_above_and_the_condition() -> None:
    model, z = made(context=3).model, torch.zeros(2, 2)

    def first_below(c: Tensor, z: Tensor) -> Tensor:
        return model.imagine(2, c, {0: z}, draw_mean).stages[1].p.mean[0]

    one, moved = first_below(torch.zeros(2, 3), z), first_below(torch.zeros(2, 3), z + 1)
    assert not torch.allclose(one, moved, atol=1e-5)
    assert not torch.allclose(one, first_below(torch.ones(2, 3), z), atol=1e-5)


def test_short_products_leave_densities_in_full_precision() -> None:
    model, x = made().model, images(3, 1, 9, 7)
    with torch.autocast("cpu", torch.bfloat16):
        trace = model.observe(Batch(x, x))
    for stage in trace.stages:
        q: Any = stage.q
        assert q.mean.dtype == q.variance.dtype == stage.z.dtype == torch.float32
    exact = observed(model)
    assert trace.distortion().dtype == torch.float32
    torch.testing.assert_close(trace.stages[0].rate(), exact.stages[0].rate(), rtol=0.1, atol=0.1)


@NEEDS_COMPILER
def test_compiled_steps_learn_the_same() -> None:
    found = []
    for compiling in ("on", "off"):
        composition, rows = made((1, 5, 3), depth=2), Rows(images(32, 1, 5, 3))
        settings = Settings(epochs=6, batch_size=16, patience=1.0, threads=1, precision="fp32")
        history = train(
            composition.model,
            composition.phases[:1],
            rows,
            rows,
            replace(settings, compile=compiling),
        )
        found.append([report.criterion for report in history.reports])
    assert found[0] == pytest.approx(found[1], rel=1e-3)


def test_verbs(tmp_path: Path) -> None:
    x = (images(60, 9, 7) * 255).numpy().astype(np.uint8)
    model = fit(x, "deep_vae", epochs=2, out=tmp_path / "run", **SMALL)
    assert model.widths == [2, 12, 40, 40]
    z = model.encode(x)
    assert z.shape == (60, 94)
    np.testing.assert_allclose(model.decode(z), model.reconstruct(x), atol=1e-4)
    assert model.sample(3).shape == (3, 9, 7)
    assert model.interpolate(x[0], x[1], steps=5).shape == (5, 9, 7)
    np.testing.assert_allclose(model.score(x, k=3)[:5], model.score(x[:5], k=3), rtol=1e-4)
    assert np.array_equal(load(tmp_path / "run").sample(4, seed=1), model.sample(4, seed=1))
    figures = evaluate(model, x, k=2).figures
    rates = figures["rate"]["per_level"]
    assert len(rates) == 4
    assert sum(rates) == pytest.approx(figures["rate"]["mean"], rel=1e-4)


def test_features_of_many_rows_are_those_of_a_few_at_a_time() -> None:
    network, x = Pyramid((1, 9, 7), 4, 6, [1, 1, 0]), images(10, 1, 9, 7)
    for part, whole in zip(_Parted(network, _Limit(3))(x), network(x), strict=True):
        torch.testing.assert_close(part, whole)


def test_what_is_no_image_is_refused_with_the_names_of_others() -> None:
    with pytest.raises(UsageError, match="deep_vae has latents at the positions.*ladder_vae"):
        recipes.build("deep_vae", shape=(12,))
    with pytest.raises(UsageError, match="networks of its own.*encoder="):
        made(encoder=torch.nn.Flatten())
