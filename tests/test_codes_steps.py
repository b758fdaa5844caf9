"""Codebooks that follow steps which are compiled, short, or interrupted."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from compiled import NEEDS_COMPILER
from test_training import StopAt, rows
from variata import recipes
from variata.nn.codebook import REVIVE_EVERY
from variata.recipes import Composition
from variata.training import Checkpoint, Settings, fit

STEPS = Settings(epochs=12, batch_size=8, lr=1e-2, patience=1.0, ema=0.0, threads=1)
STEPS_TAKEN = 12 * 5


def made(name: str = "vq_vae", **arguments: Any) -> Composition:
    torch.manual_seed(0)
    own = {"vq_vae": {"codes": 8, "width": 2}, "gumbel_vae": {"classes": 2}}[name]
    given = {"shape": (5,), "latent": 4, "hidden": (16,), "likelihood": "gaussian"}
    return recipes.build(name, **given, **own, **arguments)


def codebook(composition: Composition) -> dict[str, Tensor]:
    posterior: Any = composition.model.levels[0].posterior
    return posterior.quantiser.state_dict()


@NEEDS_COMPILER
@pytest.mark.parametrize(("update", "prior"), [("ema", "uniform"), ("gradient", "autoregressive")])
def test_compiled_steps_change_a_codebook_as_others_do(update: str, prior: str) -> None:
    assert REVIVE_EVERY < STEPS_TAKEN
    found = []
    for compiling in ("on", "off"):
        composition = made(codebook=update, prior=prior)
        before = {name: value.clone() for name, value in codebook(composition).items()}
        settings = replace(STEPS, compile=compiling, precision="fp32")
        fit(composition.model, composition.phases[:1], rows(), rows(), settings)
        found.append(codebook(composition))
        assert all(not torch.equal(value, before[name]) for name, value in found[-1].items())
    torch.testing.assert_close(found[0], found[1], rtol=1e-2, atol=1e-2)


@NEEDS_COMPILER
def test_compiled_steps_read_the_temperature_of_the_moment() -> None:
    found = []
    for compiling in ("on", "off"):
        composition = made("gumbel_vae", temperature=5.0, final_temperature=0.1)
        settings = replace(STEPS, compile=compiling, precision="fp32")
        history = fit(composition.model, composition.phases[:1], rows(), rows(), settings)
        found.append([report.train["distortion"] for report in history.reports])
    assert found[0] == pytest.approx(found[1], rel=1e-2)


@pytest.mark.parametrize("update", ["ema", "gradient"])
def test_codebooks_of_short_products_go_on_with_their_bits(update: str, tmp_path: Path) -> None:
    settings = replace(STEPS, precision="bf16")
    straight = made(codebook=update)
    fit(straight.model, straight.phases, rows(), rows(), settings)
    assert all(value.dtype == torch.float32 for value in codebook(straight).values())
    for ended in ("interrupted", "finished"):
        again = made(codebook=update)
        stop = [StopAt(7, signal.SIGUSR1)] if ended == "interrupted" else []
        kept: dict[str, Any] = {"checkpoint": Checkpoint(tmp_path), "callbacks": stop}
        assert fit(again.model, again.phases, rows(), rows(), settings, **kept).ended == ended
    states = again.model.state_dict(), straight.model.state_dict()
    torch.testing.assert_close(*states, rtol=0, atol=0)
