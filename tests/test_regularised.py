"""The terms of a regularised autoencoder, against closed forms."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from variata import recipes
from variata.batch import Batch
from variata.errors import NoDensityError, UsageError
from variata.models import Trace
from variata.objectives import CodeNorm, DecoderNorm, Roughness
from variata.schedules import Moment

NOW = Moment(step=10, progress=0.5)


def observed(rows: int = 4, **more: Any) -> tuple[recipes.Composition, Trace]:
    torch.manual_seed(0)
    facts = {"shape": (6,), "likelihood": "gaussian", "latent": 3, "hidden": (8,)}
    made = recipes.rae(**(facts | more))
    made.model.double()
    x = torch.randn(rows, 6, dtype=torch.float64)
    return made, made.model.observe(Batch(x, x))


def test_codes_pay_what_a_standard_gaussian_charges_less_its_constant() -> None:
    made, trace = observed()
    z = trace.stages[0].z
    p = torch.distributions.Normal(0.0, 1.0)
    want = (p.log_prob(torch.zeros(())) - p.log_prob(z)).sum(-1)
    torch.testing.assert_close(CodeNorm()(made.model, trace, NOW), want, check_dtype=False)


def test_the_norm_of_the_decoder_counts_its_matrices() -> None:
    made, trace = observed()
    matrices = [p for name, p in made.model.decoder.named_parameters() if name.endswith("weight")]
    want = sum(float(p.detach().square().sum()) for p in matrices)
    got = DecoderNorm()(made.model, trace, NOW)
    assert got.shape == (4,)
    assert float(got.detach()[0]) == pytest.approx(want)


def test_the_norm_of_the_decoder_counts_no_bias_and_no_scale() -> None:
    made = recipes.rae(shape=(1, 8, 8), likelihood="gaussian", latent=2, channels=2, network="conv")
    x = torch.rand(4, 1, 8, 8)
    trace = made.model.observe(Batch(x, x))
    before = DecoderNorm()(made.model, trace, NOW)
    with torch.no_grad():
        for name, p in made.model.decoder.named_parameters():
            if "weight" not in name:
                p.add_(1.0)
    torch.testing.assert_close(DecoderNorm()(made.model, trace, NOW), before)


def test_roughness_is_the_squared_norm_of_the_jacobian() -> None:
    """An average over 20,000 directions, within four standard errors."""
    made, trace = observed(rows=1)
    decoder: Any = made.model.decoder
    z = trace.stages[0].z.detach()
    jacobian: Any = torch.autograd.functional.jacobian(lambda v: decoder(v).mean.flatten(), z)
    want = float(jacobian.square().sum())
    torch.manual_seed(1)
    many = Trace((type(trace.stages[0])(z.expand(1, 20_000, 3), trace.stages[0].p),), decoder(z))
    with torch.no_grad():
        found = Roughness(1e-4)(made.model, many, NOW)
    error = float(found.std()) / 20_000**0.5
    assert float(found.mean()) == pytest.approx(want, abs=4 * error)


@pytest.mark.parametrize("penalty", ["l2", "gp"])
def test_each_penalty_is_made_and_has_its_weight(penalty: str) -> None:
    made, trace = observed(penalty=penalty, decoder_weight=0.5, code_weight=0.25)
    loss = made.phases[0].objective(made.model, trace, NOW)
    assert loss.weights == {"distortion": 1, "codes": 0.25, "decoder": 0.5}
    with pytest.raises(NoDensityError):
        trace.rate()


def test_categories_have_no_slopes_to_keep_small() -> None:
    with pytest.raises(UsageError, match="categories have no mean: take penalty=l2"):
        recipes.rae(shape=(6,), likelihood="categorical", levels=3, penalty="gp")
