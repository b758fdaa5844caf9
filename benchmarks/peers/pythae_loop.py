"""pythae's VAE through its own training pipeline, on the same network."""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile

import torch
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.pipelines import TrainingPipeline
from pythae.trainers import BaseTrainerConfig
from task import HIDDEN, LATENT, Task, report, seconds_of
from torch import nn


class Encoder(BaseEncoder):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(784, HIDDEN), nn.ReLU())
        self.mean, self.log_variance = nn.Linear(HIDDEN, LATENT), nn.Linear(HIDDEN, LATENT)

    def forward(self, x: torch.Tensor) -> ModelOutput:
        h = self.body(x)
        return ModelOutput(embedding=self.mean(h), log_covariance=self.log_variance(h))


class Decoder(BaseDecoder):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(LATENT, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 784), nn.Sigmoid()
        )

    def forward(self, z: torch.Tensor) -> ModelOutput:
        return ModelOutput(reconstruction=self.body(z))


def main() -> None:
    task = Task.read()
    logging.disable(logging.CRITICAL)
    train, valid = (torch.from_numpy(part).float() for part in task.parts())
    config = VAEConfig(input_dim=(784,), latent_dim=LATENT, reconstruction_loss="bce")
    model = VAE(config, encoder=Encoder(), decoder=Decoder())
    with tempfile.TemporaryDirectory() as folder:
        training = BaseTrainerConfig(
            output_dir=folder,
            num_epochs=task.epochs,
            learning_rate=1e-3,
            per_device_train_batch_size=task.batch_size,
            per_device_eval_batch_size=task.batch_size,
        )
        pipeline = TrainingPipeline(training_config=training, model=model)
        with contextlib.redirect_stdout(io.StringIO()):
            _, seconds = seconds_of(lambda: pipeline(train_data=train, eval_data=valid))
    with torch.no_grad():
        loss = float(model({"data": valid}).loss)
    report(task, seconds, loss)


if __name__ == "__main__":
    main()
