"""Distances of samples and moments: against loops, numbers by hand, and expectations."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor

from latents import gaussian_trace, point_trace, random_trace, told
from variata.metrics import mmd_imq
from variata.objectives import MMD, Diagonal, OffDiagonal
from variata.objectives.kernels import KERNELS, SCALES
from variata.objectives.mmd import unbiased_mmd
from variata.objectives.moments import aggregate_covariance


def similarity(kernel: str, x: Tensor, y: Tensor, base: float) -> float:
    square = float(((x - y) ** 2).sum())
    if kernel == "imq":
        values = [s * base / (s * base + square) for s in SCALES]
    else:
        values = [math.exp(-square / (s * base)) for s in SCALES]
    return sum(values) / len(values)


@pytest.mark.parametrize("kernel", ["imq", "rbf"])
def test_mmd_equals_the_double_loop(kernel: str) -> None:
    torch.manual_seed(0)
    a, b = torch.randn(2, 1, 6, 3, dtype=torch.float64)

    def mean(x: Tensor, y: Tensor, other: bool) -> float:
        pairs = [(i, j) for i in range(6) for j in range(6) if i != j or not other]
        return sum(similarity(kernel, x[0, i], y[0, j], 6.0) for i, j in pairs) / len(pairs)

    exact = mean(a, a, True) + mean(b, b, True) - 2 * mean(a, b, False)
    found = float(unbiased_mmd(a, b, KERNELS[kernel], 6.0))
    assert found == pytest.approx(exact, abs=1e-12)
    if kernel == "imq":
        assert found == pytest.approx(mmd_imq(a[0], b[0]), abs=1e-12)


@pytest.mark.parametrize("rows", [2, 20])
@pytest.mark.parametrize("kernel", ["imq", "rbf"])
def test_mmd_is_zero_on_average_where_codes_have_the_prior(kernel: str, rows: int) -> None:
    torch.manual_seed(0)
    found = told(MMD(kernel), point_trace(torch.randn(2000, rows, 3).double()))[:, 0]
    assert abs(float(found.mean())) < 4 * float(found.std()) / math.sqrt(2000)
    assert float(found.min()) < 0


@pytest.mark.parametrize("kernel", ["imq", "rbf"])
def test_mmd_is_positive_where_codes_differ_and_pulls_them_back(kernel: str) -> None:
    torch.manual_seed(0)
    z = torch.randn(1, 300, 3)
    for other in (z + 1, 3 * z, 0.2 * z):
        assert float(told(MMD(kernel), point_trace(other)).mean()) > 0.02
    shift, scale = torch.tensor(0.5, requires_grad=True), torch.tensor(1.5, requires_grad=True)
    square = told(MMD(kernel), point_trace(scale * z + shift)).mean()
    for gradient in torch.autograd.grad(square, (shift, scale)):
        assert float(gradient) > 0


@pytest.mark.parametrize("kernel", ["imq", "rbf"])
def test_a_row_alone_has_no_distance(kernel: str) -> None:
    z = torch.randn(3, 1, 2, requires_grad=True)
    found = told(MMD(kernel), point_trace(z))
    torch.testing.assert_close(found, torch.zeros(3, 1))


def test_equal_codes_have_finite_gradients() -> None:
    z = torch.zeros(1, 5, 2, requires_grad=True)
    [gradient] = torch.autograd.grad(told(MMD(), point_trace(z)).mean(), z)
    assert gradient.isfinite().all()


def test_mmd_gradient_equals_finite_differences() -> None:
    torch.manual_seed(0)
    a, b = torch.randn(2, 2, 4, 3, dtype=torch.float64)
    for kernel in KERNELS.values():

        def square(z: Tensor, kernel: object = kernel) -> Tensor:
            return unbiased_mmd(z, b, kernel, 6.0)  # type: ignore[arg-type]

        assert torch.autograd.gradcheck(square, (a.clone().requires_grad_(),))


def test_half_precision_of_products_leaves_distances_alone() -> None:
    torch.manual_seed(0)
    trace = gaussian_trace(torch.randn(40, 3), torch.full((40, 3), 0.3))
    for term in (MMD(), OffDiagonal(), Diagonal()):
        torch.manual_seed(1)
        full = told(term, trace)
        torch.manual_seed(1)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            torch.testing.assert_close(told(term, trace), full, rtol=0, atol=0)


def test_moments_by_hand() -> None:
    mean = torch.tensor([[1.0, 2.0], [3.0, 6.0], [5.0, 1.0]])
    scale = torch.tensor([[1.0, 2.0], [1.0, 1.0], [2.0, 1.0]])
    trace = gaussian_trace(mean, scale, k=3)
    # deviations (-2, -1), (0, 3), (2, -2): sums of products 8, 14 and -2, over n - 1 = 2
    first = torch.tensor([[4.0, -1.0], [-1.0, 7.0]])
    torch.testing.assert_close(aggregate_covariance(trace, "i"), first)
    torch.testing.assert_close(first.double(), torch.tensor(np.cov(mean.numpy().T)))
    second = first + torch.diag(torch.tensor([2.0, 2.0]))  # mean variances: 6 / 3 and 6 / 3
    torch.testing.assert_close(aggregate_covariance(trace, "ii"), second)
    torch.testing.assert_close(told(OffDiagonal("i"), trace), torch.full((3,), 2.0))
    torch.testing.assert_close(told(OffDiagonal("ii"), trace), torch.full((3,), 2.0))
    torch.testing.assert_close(told(Diagonal("i"), trace), torch.full((3,), 9.0 + 36.0))
    torch.testing.assert_close(told(Diagonal("ii"), trace), torch.full((3,), 25.0 + 64.0))


def test_the_second_kind_is_the_covariance_of_the_latents() -> None:
    torch.manual_seed(0)
    mean = torch.randn(50, 3).double() @ torch.randn(3, 3).double()
    trace = gaussian_trace(mean, torch.rand(50, 3).double(), k=4000)
    drawn = torch.tensor(np.cov(trace.stages[0].z.flatten(0, 1).numpy().T))
    between, variances = torch.tensor(np.cov(mean.numpy().T)), aggregate_covariance(trace)
    expected = drawn + between / 50  # draws count every row's mean alike: divided by n, not n - 1
    torch.testing.assert_close(variances, expected, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("kind", ["i", "ii"])
def test_a_batch_of_one_has_no_covariance(kind: Literal["i", "ii"]) -> None:
    trace = random_trace(1, k=3)
    torch.testing.assert_close(told(OffDiagonal(kind), trace), torch.zeros(1).double())
    assert told(Diagonal(kind), trace).isfinite().all()
    torch.testing.assert_close(told(Diagonal("i"), trace), torch.full((1,), 4.0).double())
