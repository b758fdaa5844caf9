"""A step that is recorded and replayed does what the step itself does, on any device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from test_recipes import DATA, compose
from variata import recipes
from variata.data import Examples, infer_schema
from variata.models import start
from variata.training import Settings, fit, replay
from variata.training.clock import Clock
from variata.training.loop import Loop
from variata.training.machine import How
from variata.training.phase import players_of
from variata.training.randomness import forked
from variata.training.replay import SLOTS, WARM, Recorded
from variata.training.resident import place_of, resident
from variata.training.sampler import batches
from variata.training.weights import Weights

STEPS, BATCH = WARM + 9, 8
NEEDS_CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def takes_steps(name: str) -> bool:
    """Whether a recipe is not fitted at once."""
    return compose(name, "binary images of odd size").prepare_share < 1


def computed_anew(function: Callable[[], Sequence[Tensor]]) -> tuple[Callable[[], None], Any]:
    """Instead of a recording: what it would launch, on the tensors that it would read."""
    results: list[Tensor] = []

    def run() -> None:
        results[:] = function()

    return run, results


def digits(rows: int = 64) -> Examples:
    shape = (rows, *DATA["binary images of odd size"]["shape"])
    codes = np.random.default_rng(0).integers(0, 2, shape, dtype=np.uint8)
    return Examples.of(codes, infer_schema(codes), labels=np.arange(rows) % 2)


def trained(name: str, device: torch.device, replayed: bool, **how: Any) -> tuple[Loop, list[str]]:
    """A recipe after some steps as an accelerator takes them; what was said."""
    made = compose(name, "binary images of odd size")
    examples = resident(digits(), device)
    phases = list(made.phases)
    with forked(device, 0):
        start(made.model, digits().gather(torch.arange(64)).x)
        for module in (made.model, *players_of(phases), *(phase.objective for phase in phases)):
            module.to(device)
        chosen = How(batch_size=BATCH, replayed=replayed, **how)
        loop = Loop(made.model, phases, Settings(lr=1e-3), Clock(STEPS), device, 0.0, chosen)
        loop.stepper.waits, loop.stepper.replays.wanted = False, replayed
        order = batches(len(examples), BATCH, 0, device=place_of(examples))
        for _ in range(STEPS):
            loop.advance(examples, next(order))
            loop.tick()
        loop.settle()
    notes = loop.history.notes
    loop.close()
    return loop, notes


def alike(a: Loop, b: Loop, tolerance: float) -> None:
    for one, two in zip((a.model, *a.stepper.players), (b.model, *b.stepper.players), strict=True):
        for name, value in one.state_dict().items():
            found = two.state_dict()[name]
            torch.testing.assert_close(found, value, rtol=tolerance, atol=tolerance)
    assert a.meter.count == b.meter.count == STEPS
    for name, total in a.meter.sums.items():
        assert b.meter.sums[name] == pytest.approx(total, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("name", recipes.names())
def test_replayed_steps_are_the_steps(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers reach a recorded step as single-precision tensors: hence the tolerance."""
    monkeypatch.setattr(replay, "captured", computed_anew)
    plain, _ = trained(name, CPU, replayed=False)
    again, notes = trained(name, CPU, replayed=True)
    assert again.stepper.replays.recorded
    assert not notes
    alike(plain, again, 1e-4)


@pytest.mark.gpu
@NEEDS_CUDA
@pytest.mark.parametrize("name", [name for name in recipes.names() if takes_steps(name)])
def test_a_device_replays_the_steps(name: str) -> None:
    plain, _ = trained(name, CUDA, replayed=False)
    again, notes = trained(name, CUDA, replayed=True)
    assert again.stepper.replays.recorded, notes
    alike(plain, again, 2e-3)


@pytest.mark.gpu
@NEEDS_CUDA
def test_a_recording_that_fails_leaves_random_numbers_usable() -> None:
    def waits() -> tuple[Tensor, ...]:
        return (torch.full((2,), torch.rand(3, device=CUDA).sum().item(), device=CUDA),)

    torch.cuda.manual_seed(0)
    first = torch.rand(3, device=CUDA)
    with pytest.raises(RuntimeError):
        replay.captured(waits)
    torch.cuda.manual_seed(0)
    assert torch.rand(3, device=CUDA).equal(first)


def test_what_cannot_be_recorded_runs_as_it_is_and_is_told_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(function: Callable[[], Any]) -> Any:
        raise RuntimeError("waits for the device\nmore")

    monkeypatch.setattr(replay, "captured", refused)
    plain, _ = trained("vae", CPU, replayed=False)
    again, notes = trained("vae", CPU, replayed=True)
    assert notes == ["Steps are not recorded: RuntimeError: waits for the device."]
    alike(plain, again, 0.0)


def test_a_recorded_step_reads_what_each_call_brings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "captured", computed_anew)
    added = Recorded(lambda inputs, numbers: (inputs[0] + numbers.sum(),), [torch.zeros(2)], 2)
    for i in range(2 * SLOTS):
        (found,) = added([torch.full((2,), float(i))], [1.0, i])
        assert found.tolist() == [2 * i + 1.0] * 2


def test_channels_last_change_the_layout_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    before = layer.weight.detach().clone()
    weights = Weights(layer)
    assert layer.weight.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(layer.weight.detach(), before, rtol=0, atol=0)
    weights.values.mul_(2)
    torch.testing.assert_close(layer.weight.detach(), 2 * before, rtol=0, atol=0)
    plain, _ = trained("vae_gan", CPU, replayed=False)
    last, _ = trained("vae_gan", CPU, replayed=False, channels_last=True)
    assert all(parameter.is_contiguous() for parameter in last.model.parameters())
    alike(plain, last, 1e-4)


@pytest.mark.gpu
@NEEDS_CUDA
def test_training_on_a_device_replays_and_says_nothing() -> None:
    made = compose("vae", "binary images of odd size")
    examples = digits(512)
    start(made.model, examples.gather(torch.arange(512)).x)
    settings = Settings(epochs=8, batch_size=16)
    history = fit(made.model, made.phases, examples, examples, settings, device="cuda")
    assert history.ended in {"finished", "stopped early"}
    assert not history.notes
    assert history.reports[-1].valid["elbo"] > history.reports[0].valid["elbo"]
