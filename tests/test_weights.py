"""Weights in one block, short copies for products, and steps compiled over them."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import torch
from torch import nn

from compiled import NEEDS_COMPILER
from players import with_a_critic
from rows import Rows
from test_training import StopAt, rows
from variata import recipes
from variata.errors import DivergenceError
from variata.models import LatentModel
from variata.recipes import Composition
from variata.training import Checkpoint, Settings, fit
from variata.training.weights import ALIGNED, Weights

COMPILED = Settings(epochs=3, batch_size=8, lr=1e-2, patience=1.0, compile="on", precision="fp32")


class Scaled(nn.Module):
    """A parameter that is no layer's, and a layer whose weight another one shares."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3))
        self.first, self.norm = nn.Linear(3, 5), nn.LayerNorm(5)
        self.shared, self.table = nn.Linear(5, 7, bias=False), nn.Embedding(7, 5)
        self.table.weight = self.shared.weight
        self.frozen = nn.Linear(2, 2).requires_grad_(False)


def test_a_block_holds_the_weights_in_order_and_aligned() -> None:
    torch.manual_seed(0)
    module = Scaled()
    before = {name: p.detach().clone() for name, p in module.named_parameters()}
    weights = Weights(module)
    assert all(torch.equal(p, before[name]) for name, p in module.named_parameters())
    dims = [p.dim() for p in weights.own]
    assert dims == sorted(dims, reverse=True)
    assert weights.decayed == sum(-(-p.numel() // ALIGNED) * ALIGNED for p in weights.own[:2])
    assert float(weights.values.sum()) == pytest.approx(
        float(sum(p.detach().sum() for p in weights.own))
    )
    weights.values.zero_()
    assert all(not p.any() for p in weights.own)
    assert module.frozen.weight.any()


def test_what_has_a_meaning_where_it_is_does_not_decay() -> None:
    """Neither biases with many axes, nor the means of a mixture."""
    image = {"shape": (1, 8, 8), "likelihood": "bernoulli", "network": "conv", "latent": 2}
    model = recipes.mixture_prior(**image, components=3).model
    weights = Weights(model)
    decayed = {id(p) for p in weights.own[: weights.matrices]}
    names = {name for name, p in model.named_parameters() if id(p) in decayed}
    assert names == {
        name for name, p in model.named_parameters() if name.endswith(".weight") and p.dim() >= 2
    }
    assert {"levels.0.prior.means", "decoder.network.bias"} & names == set()
    assert "levels.0.prior.means" in dict(model.named_parameters())


def test_only_what_multiplies_holds_short_copies() -> None:
    """Neither norms, nor parameters of no layer, nor weights that something else reads."""
    module = Scaled()
    first, table = module.first.weight, module.table.weight
    weights = Weights(module, short=True)
    short = {name for name, p in module.named_parameters() if p.dtype == torch.bfloat16}
    assert short == {"first.weight", "first.bias"}
    assert module.table.weight is module.shared.weight is table
    weights.values.fill_(0.123456789)
    weights.moved()
    torch.testing.assert_close(module.first.weight.float(), first, rtol=2**-8, atol=0)
    with weights.whole():
        assert module.first.weight is first
        first.data.fill_(2.0)
    assert (module.first.weight == 2).all()
    weights.release()
    assert module.first.weight is first
    assert first.dtype == torch.float32
    assert first.untyped_storage().nbytes() == 4 * first.numel()


def composition() -> Composition:
    torch.manual_seed(0)
    return recipes.vae(shape=(5,), latent=2, hidden=(16,), likelihood="gaussian")


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_training_gives_back_the_parameters_that_it_was_given(precision: str) -> None:
    made = composition()
    given = dict(made.model.named_parameters())
    settings = Settings(epochs=1, batch_size=8, precision=precision)
    fit(made.model, made.phases, rows(), rows(), settings)
    for name, parameter in made.model.named_parameters():
        assert parameter is given[name]
        assert parameter.dtype == torch.float32
        assert parameter.untyped_storage().nbytes() == 4 * parameter.numel()


def test_a_training_that_fails_gives_them_back_too() -> None:
    made = composition()
    given, x = dict(made.model.named_parameters()), rows().x.clone()
    x[:] = float("nan")
    settings = Settings(epochs=50, batch_size=8, precision="bf16")
    with pytest.raises(DivergenceError):
        fit(made.model, made.phases, Rows(x), Rows(x), settings)
    assert all(p is given[name] for name, p in made.model.named_parameters())


def test_short_products_go_on_with_their_bits(tmp_path: Path) -> None:
    """What is kept is the weights in full, not their short copies."""
    settings = Settings(epochs=4, batch_size=8, lr=1e-2, patience=1.0, precision="bf16", threads=1)
    straight = composition()
    fit(straight.model, straight.phases, rows(), rows(), settings)
    resumed(settings, tmp_path, straight.model)


@NEEDS_COMPILER
def test_a_compiled_training_goes_on_with_its_bits(tmp_path: Path) -> None:
    straight = composition()
    fit(straight.model, straight.phases, rows(), rows(), COMPILED)
    resumed(COMPILED, tmp_path, straight.model)


def resumed(settings: Settings, folder: Path, straight: LatentModel) -> None:
    for ended in ("interrupted", "finished"):
        made = composition()
        stop = [StopAt(7, signal.SIGUSR1)] if ended == "interrupted" else []
        checkpoint = Checkpoint(folder)
        history = fit(
            made.model, made.phases, rows(), rows(), settings, checkpoint=checkpoint, callbacks=stop
        )
        assert history.ended == ended
    torch.testing.assert_close(made.model.state_dict(), straight.state_dict(), rtol=0, atol=0)


@NEEDS_COMPILER
def test_compiled_players_feel_their_own_loss_alone() -> None:
    """What is learnt is what is learnt step by step, up to rounding and noise."""
    found = []
    for compiling in ("on", "off"):
        model, phases, critic = with_a_critic()
        settings = Settings(
            epochs=3, batch_size=8, lr=1e-2, patience=1.0, compile=compiling, ema=0.0
        )
        history = fit(model, phases, rows(), rows(), settings)
        found.append(
            (history.reports[-1].train, sum(float(p.detach().norm()) for p in critic.parameters()))
        )
    assert found[0][1] == pytest.approx(found[1][1], rel=0.05)
    assert found[0][0] == pytest.approx(found[1][0], rel=0.25, abs=0.25)


@NEEDS_COMPILER
def test_statistics_of_a_network_are_updated_by_compiled_steps() -> None:
    kept = []
    for compiling in ("on", "off"):
        torch.manual_seed(0)
        encoder = nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU())
        made = recipes.vae(
            shape=(5,), latent=2, hidden=(8,), likelihood="gaussian", encoder=encoder
        )
        settings = Settings(epochs=1, batch_size=8, patience=1.0, compile=compiling)
        fit(made.model, made.phases[:1], rows(), rows(), settings)
        norm = encoder[1]
        assert isinstance(norm, nn.BatchNorm1d)
        kept.append((norm.running_mean, norm.num_batches_tracked))
    torch.testing.assert_close(kept[0], kept[1], rtol=1e-3, atol=1e-3)
