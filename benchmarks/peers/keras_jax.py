"""The VAE of Keras's own example as a model with `train_step` compiled by its JAX backend."""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np
from keras import layers, ops
from task import HIDDEN, LATENT, LR, Laps, Task, report, seconds_of


class VAE(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.hidden = layers.Dense(HIDDEN, activation="relu")
        self.mean, self.log_variance = layers.Dense(LATENT), layers.Dense(LATENT)
        self.up, self.out = layers.Dense(HIDDEN, activation="relu"), layers.Dense(784)
        self.seeds = keras.random.SeedGenerator(0)

    def call(self, x):
        h = self.hidden(x)
        mean, log_variance = self.mean(h), self.log_variance(h)
        noise = keras.random.normal(ops.shape(mean), seed=self.seeds)
        logits = self.out(self.up(mean + ops.exp(0.5 * log_variance) * noise))
        rate = 0.5 * (ops.square(mean) + ops.exp(log_variance) - 1 - log_variance)
        self.add_loss(ops.mean(ops.sum(rate, 1)))
        return logits


def distortion(x, logits):
    return ops.sum(ops.softplus(logits) - x * logits, 1)


def main() -> None:
    task = Task.read()
    train, valid = (part.astype(np.float32) for part in task.parts())
    keras.utils.set_random_seed(task.seed)
    model, laps = VAE(), Laps()
    model.compile(optimizer=keras.optimizers.Adam(LR), loss=distortion)

    def run() -> float:
        model.fit(
            train,
            train,
            batch_size=task.batch_size,
            epochs=task.epochs,
            validation_data=(valid, valid),
            callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: laps.end())],
            verbose=0,
        )
        return float(model.evaluate(valid, valid, batch_size=len(valid), verbose=0))

    loss, seconds = seconds_of(run)
    report(task, seconds, loss, laps)


if __name__ == "__main__":
    main()
