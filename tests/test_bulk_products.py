"""Fast arithmetic of the verbs over many rows: values of the slow reference, settings put back."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from variata.distributions import Bernoulli, Gaussian, StandardGaussian
from variata.distributions.sums import sum_log_sigmoid
from variata.errors import UsageError
from variata.models import LatentModel
from variata.tasks.collect import Array
from variata.tasks.decoded import decoded_in_parts
from variata.tasks.model import Model
from variata.tasks.passes import log_likelihood
from variata.tasks.products import library, multiplied
from variata.training.precision import exact_by


@pytest.mark.parametrize("shape", [(1,), (15,), (16,), (17,), (3, 5, 7), (784,)])
@pytest.mark.parametrize("width", [0.1, 3.0, 40.0])
def test_bernoulli_densities_without_gradients_are_those_with(
    shape: tuple[int, ...], width: float
) -> None:
    torch.manual_seed(0)
    logits = width * torch.randn(4, 3, *shape)
    x = torch.rand(3, *shape).round()
    x[0] = torch.rand(shape)  # grey values too
    each = binary_cross_entropy_with_logits(
        logits.double(), x.double().expand_as(logits), reduction="none"
    )
    with torch.no_grad():
        found = Bernoulli(logits, len(shape)).log_prob(x)
    torch.testing.assert_close(found.double(), -each.flatten(2).sum(-1), rtol=1e-6, atol=1e-4)


def test_bernoulli_densities_of_certain_elements_are_finite() -> None:
    logits = torch.tensor([[[1e4, -1e4, 0.0]]])
    with torch.no_grad():
        found = Bernoulli(logits).log_prob(torch.tensor([[1.0, 0.0, 1.0]]))
        wrong = Bernoulli(logits).log_prob(torch.tensor([[0.0, 0.0, 1.0]]))
    assert abs(float(found) + math.log(2)) < 1e-6
    assert abs(float(wrong) + 1e4) < 1


def test_logarithms_of_no_event_are_those_of_the_elements() -> None:
    x = torch.randn(5)
    torch.testing.assert_close(sum_log_sigmoid(x, 0), torch.nn.functional.logsigmoid(x.abs()))


@pytest.mark.parametrize("scale", [(), (4,), (3, 4), (1, 1, 1), (2, 3, 4)])
def test_gaussian_densities_are_sums_of_those_of_elements(scale: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    x = torch.randn(3, 4, dtype=torch.float64)
    mean = torch.randn(2, 3, 4, dtype=torch.float64)
    p = Gaussian(mean, torch.rand(scale, dtype=torch.float64) + 0.1)
    torch.testing.assert_close(p.log_prob(x), p.log_prob_each(x).sum(-1))
    q = StandardGaussian(torch.zeros(4, dtype=torch.float64))
    torch.testing.assert_close(q.log_prob(x), q.log_prob_each(x).sum(-1))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_everything_is_put_back(precision: str, table_model: Model, table: Array) -> None:
    module = table_model.module
    before = (torch.get_float32_matmul_precision(), torch.get_num_threads())
    networks = (module.encoder, module.decoder, module.decoder.network)
    table_model.score(table[:40], k=3, precision=precision)
    table_model.encode(table[:40], precision=precision)
    table_model.sample(40, precision=precision)
    with pytest.raises(ZeroDivisionError), multiplied(module, precision):
        raise ZeroDivisionError
    assert before == (torch.get_float32_matmul_precision(), torch.get_num_threads())
    assert networks == (module.encoder, module.decoder, module.decoder.network)
    assert not torch.is_autocast_enabled("cpu")


def test_products_are_short_only_where_they_are_asked_for(table_model: Model, table: Array) -> None:
    long, short = (table_model.encode(table, precision=p) for p in ("fp32", "bf16"))
    assert long.dtype == short.dtype == np.float32
    assert 0 < np.abs(long - short).max() < 0.05 * np.abs(long).max()
    with torch.no_grad():
        batch = table_model.examples(table).gather(torch.arange(len(table)))
        usual = table_model.module.infer(batch)[0].q.mean  # type: ignore[union-attr]
    np.testing.assert_allclose(long, usual.numpy(), rtol=1e-4, atol=1e-5)


def test_an_unknown_precision_is_refused(table_model: Model) -> None:
    with pytest.raises(UsageError, match="Unknown precision 'bf61'"):
        table_model.sample(3, precision="bf61")


def test_a_library_is_taken_only_where_it_is_exact() -> None:
    cpu = torch.device("cpu")
    assert library(cpu) == "usual" or exact_by("onednn")


@pytest.mark.parametrize("pairs", [1, 4, 7, 10**6])
def test_likelihoods_in_parts_are_those_of_the_whole(
    pairs: int, table_model: Model, table: Array
) -> None:
    module: LatentModel = table_model.module
    batch = table_model.examples(table[:5]).gather(torch.arange(5))

    def weights() -> Tensor:
        torch.manual_seed(1)
        return module.observe(batch, 3).log_weight()

    with torch.no_grad():
        whole = weights()
        with decoded_in_parts(module, pairs):
            parts = weights()
    torch.testing.assert_close(parts, whole, rtol=1e-5, atol=1e-5)


def test_bounds_in_bf16_are_near() -> None:
    from variata import fit

    model = fit("digits", latent=2, hidden=(32,), epochs=2)
    rows = model.examples("digits").subset(torch.arange(50))
    long, short = (log_likelihood(model.module, rows, 64, 0, p) for p in ("fp32", "bf16"))
    assert abs(float((long - short).mean())) < 1.0
