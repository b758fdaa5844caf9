"""Terms that must also learn: each player feels its own loss alone, and none is lost on the way."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import torch
from torch import Tensor

from players import Critic, with_a_critic
from rows import Rows
from test_training import StopAt, rows
from variata.noise import Place
from variata.schedules import Moment
from variata.training import Checkpoint, Settings, fit
from variata.training.machine import How
from variata.training.processes import Processes
from variata.training.stepper import Stepper
from variata.training.work import Work

SETTINGS = Settings(epochs=5, batch_size=8, lr=1e-2, patience=1.0)


def anew() -> None:
    torch.manual_seed(1)


def work(most: int = 0, place: Place | None = None) -> tuple[dict[str, Tensor], list[list[Tensor]]]:
    model, [phase], critic = with_a_critic()
    owned = [list(model.parameters()), list(critic.parameters())]
    index = torch.arange(16) if place is None else torch.arange(place.start, place.stop)
    batch = rows(16).gather(index)
    anew()
    computed = Work(model, phase.objective, owned, How())
    result = computed(batch, Moment(1, 0.5), place, most, anew)
    terms = dict(zip(computed.names, result.figures[2:], strict=True))
    return terms, [list(gradient) for gradient in result.gradients]


def test_each_player_feels_its_own_loss_alone() -> None:
    model, [phase], critic = with_a_critic()
    batch, moment = rows(16).gather(torch.arange(16)), Moment(1, 0.5)
    torch.manual_seed(1)
    trace = model.observe(batch)
    total = phase.objective(model, trace, moment).total
    own = critic.loss(model, trace, moment).mean()
    wanted = [
        torch.autograd.grad(total, list(model.parameters()), retain_graph=True),
        torch.autograd.grad(own, list(critic.parameters())),
    ]
    terms, found = work()
    assert set(terms) == {"distortion", "critic", "critic loss"}
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, list(theirs), rtol=0, atol=0)


@pytest.mark.parametrize("most", [1, 3, 7, 15])
def test_pieces_of_a_batch_have_the_noise_and_the_gradients_of_the_whole(most: int) -> None:
    terms, gradients = work()
    parts, pieces = work(most)
    torch.testing.assert_close(parts, terms)
    torch.testing.assert_close(pieces, gradients)


def test_a_training_with_a_player_resumes_with_its_bits(tmp_path: Path) -> None:
    model, phases, critic = with_a_critic()
    straight = fit(model, phases, rows(), rows(), SETTINGS)
    for at, signalled in ((7, "interrupted"), (1000, "finished")):
        again, parts, resumed = with_a_critic(seed=at)
        if at == 7:
            again.load_state_dict(with_a_critic()[0].state_dict())
            resumed.load_state_dict(with_a_critic()[2].state_dict())
        stop = [StopAt(at, signal.SIGUSR1)]
        history = fit(
            again, parts, rows(), rows(), SETTINGS, checkpoint=Checkpoint(tmp_path), callbacks=stop
        )
        assert history.ended == signalled
    torch.testing.assert_close(again.state_dict(), model.state_dict(), rtol=0, atol=0)
    torch.testing.assert_close(resumed.state_dict(), critic.state_dict(), rtol=0, atol=0)
    assert [r.train for r in history.reports] == [r.train for r in straight.reports]


def test_a_critic_learns_to_tell_and_the_model_to_fool_it() -> None:
    generator = torch.Generator().manual_seed(0)
    x = Rows(torch.randn(400, 5, generator=generator) * 3)
    model, phases, _ = with_a_critic()
    history = fit(model, phases, x, x, Settings(epochs=40, batch_size=50, lr=1e-2, patience=1.0))
    z = model.observe(x.gather(torch.arange(400))).stages[0].z[0]
    first, last = history.reports[0].train, history.reports[-1].train
    assert last["distortion"] < first["distortion"]
    assert (z.std(0) - 1).abs().max() < 0.5, "the aggregate posterior should be near the prior"


def test_what_chooses_the_best_weights_leaves_out_the_critic() -> None:
    model, phases, _ = with_a_critic()
    history = fit(model, phases, rows(), rows(), SETTINGS)
    report = history.reports[-1]
    assert report.criterion == pytest.approx(report.valid["distortion"])


def test_a_critic_of_short_products_is_validated_in_full() -> None:
    """Validation calls it too, where nothing else is short."""
    model, phases, critic = with_a_critic()
    settings = Settings(epochs=2, batch_size=8, patience=1.0, precision="bf16")
    history = fit(model, phases, rows(), rows(), settings)
    assert len(history.reports) == 2
    assert all(p.dtype == torch.float32 for p in critic.parameters())


def test_the_model_moves_with_the_momentum_of_its_player(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Critic, "momentum", 0.0)
    model, phases, _ = with_a_critic()
    stepper = Stepper(
        model, phases, SETTINGS, torch.device("cpu"), How(), Processes(), None, lambda line: None
    )
    assert [optimiser.betas[0] for optimiser in stepper.optimisers] == [0.0, 0.0]
    stepper.close()
