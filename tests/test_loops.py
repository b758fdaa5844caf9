"""The loss of a recipe inside loops that are not ours."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from test_training import rows
from variata import recipes
from variata.batch import Batch
from variata.errors import UsageError
from variata.recipes import Composition
from variata.schedules import Moment


class Training(nn.Module):
    """What a wrapper such as DDP synchronises: the loss as `forward`."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.made = recipes.vae(shape=(5,), latent=2, hidden=(16,))
        self.model = self.made.model

    def forward(self, x: Tensor) -> Tensor:
        return self.made.loss(x)


def loader() -> torch.utils.data.DataLoader[Tensor]:
    return torch.utils.data.DataLoader(rows(200).x, batch_size=20)  # type: ignore[arg-type]


def elbo(made: Composition) -> float:
    torch.manual_seed(1)
    x = rows(200).x
    trace = made.model.observe(Batch(x, x), 8)
    return -(trace.distortion() + trace.rate()).mean().item()


def test_the_loss_is_that_of_the_phase_at_hand() -> None:
    made, x = recipes.vae(shape=(5,), latent=2, hidden=(8,)), rows().x
    early, late = made.phases
    for progress, phase in ((0.0, early), (0.3, early), (0.99, late)):
        torch.manual_seed(0)
        loss = made.loss(x, progress, step=7)
        torch.manual_seed(0)
        trace = made.model.observe(Batch(x, x), phase.objective.samples)
        moment = Moment(7, progress)
        assert loss.item() == phase.objective(made.model, trace, moment).total.item()


def test_a_recipe_with_players_refuses_to_be_one_loss() -> None:
    from players import with_a_critic

    model, phases, _ = with_a_critic()
    with pytest.raises(UsageError, match="trains critic beside the model"):
        Composition(model, phases, "adversarial").loss(rows().x)


def test_it_trains_with_accelerate(tmp_path: Path) -> None:
    accelerate = pytest.importorskip("accelerate", reason="accelerate is not installed")
    accelerator, training = accelerate.Accelerator(cpu=True), Training()
    before = elbo(training.made)
    optimiser = torch.optim.Adam(training.parameters(), lr=1e-2)
    wrapped, optimiser, data = accelerator.prepare(training, optimiser, loader())
    for _ in range(10):
        for x in data:
            optimiser.zero_grad()
            accelerator.backward(wrapped(x))
            optimiser.step()
    assert elbo(training.made) > before + 1


def test_it_trains_with_lightning(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lightning = pytest.importorskip("lightning", reason="lightning is not installed")

        class Module(lightning.LightningModule):
            def __init__(self) -> None:
                super().__init__()
                self.training_of = Training()

            def training_step(self, x: Tensor, index: int) -> Tensor:
                return self.training_of(x)

            def configure_optimizers(self) -> torch.optim.Optimizer:
                return torch.optim.Adam(self.parameters(), lr=1e-2)

        module = Module()
        before = elbo(module.training_of.made)
        quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
        trainer = lightning.Trainer(
            max_epochs=10, accelerator="cpu", default_root_dir=tmp_path, **quiet
        )
        trainer.fit(module, loader())
    assert elbo(module.training_of.made) > before + 1
