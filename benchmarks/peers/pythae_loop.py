"""pythae's VAE through its own training pipeline, on the same network.

Its trainer's defaults: Adam, one process, data loaded in it, a progress bar. The convolutional
network is the one that pythae has for MNIST.
"""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
from typing import Any

import torch
from pythae.models import VAE, BaseAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.models.nn.benchmarks.mnist.convnets import (
    Decoder_Conv_AE_MNIST,
    Encoder_Conv_VAE_MNIST,
)
from pythae.pipelines import TrainingPipeline
from pythae.trainers import BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback
from task import HIDDEN, LATENT, LR, Laps, Task, report, seconds_of
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


class Ours(BaseAE):
    """Our `deep_vae`, with its own loss, as a model of theirs."""

    def __init__(self, config: VAEConfig, shape: tuple[int, ...]) -> None:
        from variata import recipes

        super().__init__(config)
        self.made = recipes.build("deep_vae", shape=shape, likelihood="bernoulli")
        self.inner = self.made.model

    def forward(self, inputs: Any, **named: Any) -> ModelOutput:
        return ModelOutput(loss=self.made.loss(inputs["data"]))


class Ends(TrainingCallback):
    def __init__(self, laps: Laps) -> None:
        self.laps = laps

    def on_log(self, *given: Any, **named: Any) -> None:  # the last thing in an epoch
        self.laps.end()


def model_of(task: Task) -> BaseAE:
    shape = tuple(task.x.shape[1:])
    config = VAEConfig(input_dim=shape, latent_dim=LATENT, reconstruction_loss="bce")
    if task.net == "deep":
        return Ours(config, shape)
    if task.net == "mlp":
        return VAE(config, encoder=Encoder(), decoder=Decoder())
    parts = Encoder_Conv_VAE_MNIST(config), Decoder_Conv_AE_MNIST(config)
    return VAE(config, encoder=parts[0], decoder=parts[1])


@torch.no_grad()
def nats(model: BaseAE, x: torch.Tensor) -> float:
    """The negative ELBO per example."""
    model.eval()
    x = x.to(next(model.parameters()).device)
    return sum(float(model({"data": part}).loss) * len(part) for part in x.split(500)) / len(x)


def main() -> None:
    task = Task.read()
    logging.disable(logging.CRITICAL)
    torch.manual_seed(task.seed)
    train, valid = (torch.from_numpy(part).float() for part in task.parts())
    model, laps = model_of(task), Laps()
    with tempfile.TemporaryDirectory() as folder:
        training = BaseTrainerConfig(
            output_dir=folder,
            num_epochs=task.epochs,
            learning_rate=LR,
            per_device_train_batch_size=task.batch_size,
            per_device_eval_batch_size=task.batch_size,
            seed=task.seed,
        )
        pipeline = TrainingPipeline(training_config=training, model=model)
        with contextlib.redirect_stdout(io.StringIO()):
            _, seconds = seconds_of(
                lambda: pipeline(train_data=train, eval_data=valid, callbacks=[Ends(laps)])
            )
    best = pipeline.trainer._best_model
    more = {"test_nats": nats(best, torch.from_numpy(task.test).float())} if len(task.test) else {}
    report(task, seconds, nats(best, valid), laps, **more)


if __name__ == "__main__":
    main()
