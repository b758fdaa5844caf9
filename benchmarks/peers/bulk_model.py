"""One network as a model of ours and as weights under pythae's names."""

from __future__ import annotations

import numpy as np
import torch
from task import HIDDEN, LATENT
from torch import Tensor, nn

from variata import Model, fit

NAMES = {  # ours -> pythae's
    "encoder.0": "encoder.body.0",
    "decoder.network.0": "decoder.body.0",
    "decoder.network.2": "decoder.body.2",
}
POSTERIOR = "levels.0.posterior.linear"


def trained(images: np.ndarray, epochs: int = 1) -> Model:
    """The network of the task after some training, so that its likelihood is worth estimating."""
    encoder = nn.Sequential(nn.Linear(784, HIDDEN), nn.ReLU())
    decoder = nn.Sequential(nn.Linear(LATENT, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 784))
    plain = {"recipe": "beta_vae", "beta": 1.0, "warm_up_share": 0.0, "latent": LATENT}
    return fit(images, encoder=encoder, decoder=decoder, epochs=epochs, lr=1e-3, **plain)


def weights_of(model: Model) -> dict[str, Tensor]:
    """Under pythae's names. Its encoder gives log variances, ours log scales, before bounding."""
    ours, theirs = model.module.state_dict(), {}
    for name, other in NAMES.items():
        for kind in ("weight", "bias"):
            theirs[f"{other}.{kind}"] = ours[f"{name}.{kind}"]
    for kind in ("weight", "bias"):
        mean, log_scale = ours[f"{POSTERIOR}.{kind}"].chunk(2)
        theirs[f"encoder.mean.{kind}"] = mean
        theirs[f"encoder.log_variance.{kind}"] = 2 * log_scale
    return theirs


def of_weights(images: np.ndarray, weights: dict[str, Tensor]) -> Model:
    """The model of ours that has these weights."""
    model = trained(images[:500])
    ours = model.module.state_dict()
    for name, other in NAMES.items():
        for kind in ("weight", "bias"):
            ours[f"{name}.{kind}"] = weights[f"{other}.{kind}"]
    for kind in ("weight", "bias"):
        log_scale = weights[f"encoder.log_variance.{kind}"] / 2
        ours[f"{POSTERIOR}.{kind}"] = torch.cat([weights[f"encoder.mean.{kind}"], log_scale])
    model.module.load_state_dict(ours)
    return model
