"""Densities over the data itself: they sum and integrate to one, and steps can be undone."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal

from rows import Rows
from variata import recipes
from variata.batch import Batch
from variata.conditionals import BernoulliHead, pixel_head
from variata.distributions import Cells, Dequantised, Diffusion, Flow
from variata.errors import UsageError
from variata.models import LatentModel, start
from variata.nn import (
    Affine,
    Coupling,
    ImageFlow,
    Made,
    MaskedStep,
    ProbabilityFlow,
    Spline,
    TimedUNet,
)
from variata.tasks.bounds import Bounds

F64 = torch.float64


def moved(module: Any, scale: float = 0.3) -> Any:
    """Far from where it starts, in double precision."""
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(scale * torch.randn_like(parameter))
    return module.double()


def log_prob(model: LatentModel, x: Tensor) -> Tensor:
    with torch.no_grad():
        return -model.observe(Batch(x, x)).distortion()[0]


def every(values: int, shape: tuple[int, ...]) -> Tensor:
    """Examples of all combinations of classes."""
    count = torch.Size(shape).numel()
    rows = list(itertools.product(range(values), repeat=count))
    return torch.tensor(rows, dtype=F64).view(-1, *shape)


@pytest.mark.parametrize(
    ("facts", "values"),
    [
        ({"shape": (1, 2, 3), "likelihood": "bernoulli"}, 2),
        ({"shape": (1, 2, 2), "likelihood": "categorical", "levels": 3}, 3),
        ({"shape": (7,), "likelihood": "bernoulli"}, 2),
        ({"shape": (4,), "likelihood": "categorical", "levels": 3}, 3),
        ({"shape": (1,), "likelihood": "categorical", "levels": 5}, 5),
    ],
)
def test_probabilities_of_all_examples_sum_to_one(facts: dict[str, Any], values: int) -> None:
    model = moved(recipes.autoregressive(**facts, width=8, layers=2).model)
    x = every(values, facts["shape"])
    p = log_prob(model, x).exp()
    assert p.sum().item() == pytest.approx(1, abs=1e-9)
    torch.manual_seed(0)
    n = 20_000
    drawn = model.imagine(n).likelihood.sample()[0].flatten(1).long()
    place = drawn @ (values ** torch.arange(drawn.shape[1] - 1, -1, -1))
    found = torch.bincount(place, minlength=len(x)) / n
    assert (found - p).abs().max() < 5 * (0.25 / n) ** 0.5  # five standard errors at most


def test_gated_images_drawn_pixel_by_pixel_are_what_whole_passes_give() -> None:
    torch.manual_seed(0)
    shape = (1, 7, 9)
    p = moved(pixel_head(BernoulliHead(), shape, told=2, width=4, layers=2, gated=True))
    p = p(torch.randn(1, 2, 3, *shape, dtype=F64))
    slow = torch.zeros(1, 2, *shape, dtype=F64)
    for row, column in itertools.product(range(7), range(9)):
        slow[..., row, column] = p.given(slow).mean[..., row, column].round()
    torch.testing.assert_close(p.mean, p.given(slow).mean)


def test_a_gated_pixel_sees_those_before_it_as_far_as_the_first_row() -> None:
    reader = moved(pixel_head(BernoulliHead(), (1, 9, 8), 1, 4, 1, gated=True)).reader
    x = torch.randn(1, 1, 9, 8, dtype=F64, requires_grad=True)
    reader(reader.see(x), torch.zeros(1, 1, 1, 1, 9, 8, dtype=F64))[..., 7, 4].sum().backward()
    felt = x.grad.abs().sum((0, 1)) > 0  # type: ignore[union-attr]
    assert felt[:7].all()
    assert felt[7, :4].any()
    assert not felt[7, 4:].any()
    assert not felt[8].any()


def test_an_element_of_a_vector_knows_all_before_it_and_no_other() -> None:
    made = moved(Made(5, parameters=1, told=0, width=16))
    x = torch.randn(1, 5, dtype=F64, requires_grad=True)
    raw = made(made.see(x), torch.zeros(1, 1, 0, 5, dtype=F64))[0, 0]
    for i in range(5):
        (felt,) = torch.autograd.grad(raw[i], [x], retain_graph=True)
        assert (felt[0, :i] != 0).all()
        assert (felt[0, i:] == 0).all()


def test_the_last_element_of_many_is_told_by_all_before() -> None:
    made, step = moved(Made(1_000, 1, 0, width=512)), MaskedStep(1_000, 0, Affine(), width=512)
    x = torch.randn(1, 1_000, dtype=F64, requires_grad=True)
    raw = made(made.see(x), torch.zeros(1, 1, 0, 1_000, dtype=F64))
    for told in (raw[0, 0, 999], moved(step)(x, x[:, :0])[0][0, 999]):
        (felt,) = torch.autograd.grad(told, [x])
        assert (felt[0, :999] != 0).all()


STEPS: dict[str, tuple[Any, int]] = {
    "coupling": (lambda c: Coupling(5, c, Spline(), 8), 5),
    "coupling of one": (lambda c: Coupling(1, c, Spline(), 8), 1),
    "masked": (lambda c: MaskedStep(5, c, Spline(), 16), 5),
    "images": (lambda c: ImageFlow((1, 8, 8), 4, 4, c), 64),
    "odd images of several channels": (lambda c: ImageFlow((3, 3, 5), 4, 4, c), 45),
}


@pytest.mark.parametrize("context", [0, 2])
@pytest.mark.parametrize("name", STEPS)
def test_steps_invert_and_know_their_change_of_volume(name: str, context: int) -> None:
    make, size = STEPS[name]
    step = moved(make(context), 0.1)
    x, c = torch.randn(3, size, dtype=F64), torch.randn(3, context, dtype=F64)
    y, change = step(x, c)
    torch.testing.assert_close(step.inverse(y, c), x, atol=1e-8, rtol=1e-8)
    for i in range(3):
        one = c[i : i + 1]
        jacobian: Any = torch.autograd.functional.jacobian(
            lambda v, one=one: step(v[None], one)[0][0], x[i]
        )
        torch.testing.assert_close(change[i], torch.linalg.slogdet(jacobian)[1])
    if context:
        assert not torch.allclose(step(x, c + 1)[0], y)


def test_a_diffusion_starts_at_images_that_are_all_the_same() -> None:
    model = recipes.diffusion(shape=(1, 4, 4), likelihood="gaussian", width=8, floor=1e-9).model
    start(model, torch.full((9, 1, 4, 4), 0.5))
    assert model.decoder.rescaling.scale.min() >= 1e-3  # type: ignore[union-attr, operator]


@pytest.mark.parametrize("name", ["flow", "autoregressive"])
@pytest.mark.parametrize("size", [1, 2])
def test_densities_of_real_values_integrate_to_one(name: str, size: int) -> None:
    torch.manual_seed(0)
    model = recipes.build(name, shape=(size,), floor=1e-6).model
    start(model, torch.randn(200, size))
    model = moved(model, 0.05)
    line = torch.linspace(-9, 9, 1_001 if size == 1 else 501, dtype=F64)
    x = torch.cartesian_prod(*[line] * size).view(-1, size)
    p = torch.cat([log_prob(model, part).exp() for part in x.split(50_000)])
    assert (p.sum() * (line[1] - line[0]) ** size).item() == pytest.approx(1, abs=2e-3)


def test_what_is_dequantised_is_a_bound_of_the_probability_of_its_cell() -> None:
    cells = Cells(0.5, discrete=True, least=0.0, most=1.0)
    h, x = torch.zeros(1, 20_000, 0, dtype=F64), torch.tensor([[0.5, 1.0]], dtype=F64)
    p = Dequantised(lambda _: Flow([], torch.zeros(2, dtype=F64)), h, (2,), cells)
    torch.manual_seed(0)
    found = p.log_prob(x)[0]  # each row has noise of its own
    normal = Normal(torch.zeros((), dtype=F64), 1.0)
    wanted = (normal.cdf(x + 0.25) - normal.cdf(x - 0.25)).prod()
    assert found.exp().mean().item() == pytest.approx(wanted.item(), rel=2e-3)
    assert found.mean() < wanted.log()
    assert found.mean().item() == pytest.approx(wanted.log().item(), abs=0.02)
    drawn = p.sample()[0]
    assert set(drawn.flatten().tolist()) == {0.0, 0.5, 1.0}
    share = (drawn[:, 0] == 0.5).double().mean()
    assert share.item() == pytest.approx(
        (normal.cdf(x * 0 + 0.75) - normal.cdf(x * 0 + 0.25))[0, 0].item(), abs=0.015
    )


@pytest.mark.parametrize("name", ["flow", "pca_gaussian", "kernel_density"])
def test_cells_go_where_the_model_goes(name: str) -> None:
    model = recipes.build(name, shape=(3,), floor=(0.1, 0.2, 0.3)).model
    x = torch.zeros(5, 3, dtype=F64)
    assert log_prob(model.double(), x).dtype == F64
    assert model.decoder.cells.width.dtype == F64  # type: ignore[union-attr]
    assert log_prob(model.to("meta"), x.to("meta")).device.type == "meta"


def bounds(model: LatentModel, x: Tensor, k: int, own: bool) -> Tensor:
    found: list[Tensor] = []
    examples: Any = Rows(x)
    Bounds(model, examples, k, own=own).each(found.append)
    return torch.cat(found)


@pytest.mark.parametrize("name", ["flow", "diffusion", "pca_gaussian", "kernel_density"])
def test_a_score_depends_on_no_other_row_and_on_no_other_draw(name: str) -> None:
    small = {"width": 8} if name in {"flow", "diffusion"} else {}
    model = recipes.build(name, shape=(1, 6, 6), likelihood="logistic", levels=17, **small).model
    model, x = model.double(), torch.randint(0, 17, (5, 1, 6, 6)).double() / 16
    together = bounds(model, x, 3, own=False)
    torch.testing.assert_close(bounds(model, x[3:4], 3, own=False)[0], together[3])
    assert torch.equal(together, bounds(model, x, 3, own=False))
    each = [log_prob(model, x[:1]) for _ in range(2)]
    assert not torch.equal(*each)


def test_the_mean_of_bounds_is_as_certain_as_its_standard_error_says() -> None:
    """Equal rows: all that their bounds differ by is noise within cells."""
    model = recipes.pca_gaussian(shape=(784,), floor=1.0).model
    with torch.no_grad():
        model.decoder.loadings.zero_()  # type: ignore[operator, union-attr]
        model.decoder.log_noise.fill_(-0.5 * math.log(12))  # type: ignore[operator, union-attr]
    x = torch.zeros(400, 784)
    torch.manual_seed(0)
    fresh = torch.stack([log_prob(model, x[:1])[0] for _ in range(400)])
    for rows in (log_prob(model, x), bounds(model, x, 1, own=True)):
        error = ((rows.var() + fresh.var()) / 400).sqrt()
        assert (rows.mean() - fresh.mean()).abs() < 3 * error
        assert rows.std().item() == pytest.approx(fresh.std().item(), rel=0.2)
    closer = bounds(model, x, 50, own=True)
    assert rows.mean() + rows.std() < closer.mean() < rows.max()


def test_a_diffusion_of_images_knows_the_density_of_a_gaussian() -> None:
    """With v = 0, noise is the data itself: log p(x) = log N(x; 0, I)."""
    flow = ProbabilityFlow(TimedUNet((1, 8, 8), 8, 1), steps=3)
    with torch.no_grad():
        for parameter in flow.field.output.parameters():  # type: ignore[union-attr]
            parameter.zero_()
    x = torch.randn(4, 64)
    density = Diffusion([flow], torch.zeros(64))
    torch.testing.assert_close(density.log_prob(x), Normal(0.0, 1.0).log_prob(x).sum(-1))


def test_categories_are_refused_with_the_names_of_others() -> None:
    for name in ("flow", "diffusion", "pca_gaussian", "gan"):
        with pytest.raises(UsageError, match=rf"{name}.*categories.*autoregressive"):
            recipes.build(name, shape=(4,), likelihood="categorical", levels=3)


def test_bits_of_a_flow_on_levels_count_the_volume_of_the_cells() -> None:
    """A flow that is the identity on cells as wide as 1 / 16: P = p(x) / 16 per element, nearly."""
    cells = Cells(1 / 16, discrete=True, least=0.0, most=1.0)
    p = Dequantised(lambda _: Flow([], torch.zeros(3)), torch.zeros(1, 1, 0), (3,), cells)
    x = torch.zeros(1, 3)
    with torch.no_grad():
        found = p.log_prob(x).item()
    assert found == pytest.approx(-1.5 * math.log(2 * math.pi) - 3 * math.log(16), abs=1e-2)
