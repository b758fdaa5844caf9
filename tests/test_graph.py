"""A function of tensors becomes one compiled graph."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from compiled import NEEDS_COMPILER
from variata.distributions import Bernoulli
from variata.training.graph import graph_of
from variata.training.graph_pass import Simpler


@NEEDS_COMPILER
def test_sums_in_bf16_may_be_taken_twice() -> None:
    """As gradients of two biases that are added are."""

    def sums(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        return x.sum(0), x.sum(0), x.float().sum(0) + y, x.sum(1), (x + 1).sum(0)

    x, y = torch.randint(-3, 4, (32, 32)).bfloat16(), torch.randn(32)
    torch.testing.assert_close(graph_of(sums, [x, y])(x, y), list(sums(x, y)))


@NEEDS_COMPILER
def test_tensors_may_be_changed_in_place_between_two_sums() -> None:
    def sums(x: Tensor, total: Tensor) -> tuple[Tensor, ...]:
        before = x.sum(0)
        x.add_(1)
        total.copy_(x.sum(0))
        return before, x.sum(0)

    x, own = torch.zeros(4, 3), torch.zeros(4, 3)
    total, other = torch.zeros(3), torch.zeros(3)
    run = graph_of(sums, [x, total])
    torch.testing.assert_close(run(x, total), list(sums(own, other)))
    torch.testing.assert_close((x, total), (own, other))


@NEEDS_COMPILER
def test_noise_is_that_of_the_function_itself() -> None:
    def noisy(x: Tensor) -> tuple[Tensor, ...]:
        return x + torch.randn(3, 40), torch.rand(7) * x[0, 0]

    x, found = torch.ones(3, 40), []
    for run in (graph_of(noisy, [x]), noisy):
        torch.manual_seed(3)
        found.append([part.clone() for part in run(x)])
    torch.testing.assert_close(*found, rtol=1e-6, atol=1e-6)


@NEEDS_COMPILER
@pytest.mark.parametrize(("dtype", "close"), [(torch.float32, 4e-7), (torch.float64, 4e-16)])
def test_logarithms_of_shares_are_as_exact_as_their_numbers(
    dtype: torch.dtype, close: float
) -> None:
    """Also where log(1 + e) is e, which log(1 + e) in so many digits loses."""

    def shares(x: Tensor) -> tuple[Tensor, ...]:
        return (torch.log1p(torch.exp(-x.abs())),)

    x = torch.linspace(-40, 40, 4_001, dtype=dtype)
    (found,), exact = graph_of(shares, [x])(x), x.double().abs().neg().exp().log1p()
    assert ((found - exact).abs() <= close * exact * (1 + x.abs())).all()


@pytest.mark.parametrize(("dtype", "left"), [(torch.float32, 0), (torch.float64, 1)])
def test_logarithms_of_shares_become_a_series_in_float32_alone(
    dtype: torch.dtype, left: int
) -> None:
    def shares(x: Tensor) -> Tensor:
        return torch.log1p(torch.exp(-x.abs()))

    graph = make_fx(shares, tracing_mode="fake")(torch.zeros(3, dtype=dtype)).graph
    Simpler()(graph)
    assert sum("log1p" in str(node.target) for node in graph.nodes) == left


@NEEDS_COMPILER
def test_likelihoods_of_logits_and_their_gradients_are_those_that_are_not_compiled() -> None:
    def scored(logits: Tensor, x: Tensor) -> tuple[Tensor, ...]:
        leaf = logits.detach().requires_grad_()
        log_prob = Bernoulli(leaf).log_prob(x)
        return log_prob.detach(), *torch.autograd.grad(log_prob.sum(), leaf)

    logits, x = 8 * torch.randn(1, 20, 50), torch.randint(2, (20, 50)).float()
    logits[0, 0] = 0.0
    found, own = graph_of(scored, [logits, x])(logits, x), scored(logits, x)
    torch.testing.assert_close(list(found), list(own), rtol=1e-5, atol=1e-6)
