"""The tutorial's network as a Lightning module, with Lightning's own trainer."""

from __future__ import annotations

import logging
import tempfile
import warnings

import lightning
import torch
from task import LR, Laps, Task, report, seconds_of
from torch.utils.data import DataLoader, TensorDataset
from tutorial import VAE, loss_of


class Module(lightning.LightningModule):
    def __init__(self, net: str) -> None:
        super().__init__()
        self.net, self.laps = VAE(net), Laps()

    def training_step(self, batch: list[torch.Tensor], index: int) -> torch.Tensor:
        loss = loss_of(batch[0], *self.net(batch[0])) / len(batch[0])
        self.log("loss", loss)
        return loss

    def validation_step(self, batch: list[torch.Tensor], index: int) -> None:
        self.log("valid", loss_of(batch[0], *self.net(batch[0])) / len(batch[0]))

    def on_train_epoch_end(self) -> None:  # validation has been run by then
        self.laps.end()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=LR)


def main() -> None:
    task = Task.read()
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    train, valid = (TensorDataset(torch.from_numpy(part).float()) for part in task.parts())
    lightning.seed_everything(task.seed, verbose=False)
    module = Module(task.net)
    with tempfile.TemporaryDirectory() as folder:
        trainer = lightning.Trainer(
            max_epochs=task.epochs,
            accelerator="cpu",
            default_root_dir=folder,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        loaders = (
            DataLoader(train, batch_size=task.batch_size, shuffle=True),
            DataLoader(valid, batch_size=task.batch_size),
        )
        _, seconds = seconds_of(lambda: trainer.fit(module, *loaders))
    report(task, seconds, float(trainer.callback_metrics["valid"]), module.laps)


if __name__ == "__main__":
    main()
