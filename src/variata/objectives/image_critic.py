"""A critic that tells images of the data from images of the model."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import softplus

from variata.models import LatentModel, Trace
from variata.nn import ConvCritic
from variata.noise import noise
from variata.objectives.critic import telling_apart
from variata.objectives.decoding import decoded
from variata.objectives.player import Player
from variata.schedules import Moment
from variata.shapes import Shape, draw


class ImageCritic(Player):
    """-log D(y), (K, B), nats: what the decoder pays for images y that look unlike the data.

    y is made of a draw of the prior or of the example's latent, with equal chances, so that D is
    shown samples and reconstructions. The latent is detached: the decoder alone feels this term,
    and the encoder and the prior do not. The loss does not saturate: it has its largest gradient
    where D is sure. Rows do not meet, so pieces of a batch change nothing.

    Args:
        shape: (C, H, W). channels: of the critic's first layer.

    References:
        Autoencoding beyond Pixels Using a Learned Similarity Metric (Larsen et al., 2016),
        arXiv:1512.09300
        Generative Adversarial Networks (Goodfellow et al., 2014), arXiv:1406.2661
    """

    pace = 0.3
    latest = True

    def __init__(self, shape: Shape, channels: int) -> None:
        super().__init__()
        self.network = ConvCritic(shape, channels)

    def forward(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        return softplus(-self._logit(made(model, trace)))

    def loss(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        """What the critic pays, (K, B), nats: log 2 where it cannot tell."""
        with torch.no_grad():
            images = made(model, trace)
        x = trace.observed.x.expand_as(images)
        return telling_apart(self._logit(x), self._logit(images))

    def _logit(self, images: Tensor) -> Tensor:
        return self.network(images.flatten(0, 1)).unflatten(0, images.shape[:2])


def made(model: LatentModel, trace: Trace) -> Tensor:
    """Images (K, B, *X) of draws of the prior and of the latents of a trace, half of each."""
    stage = trace.stages[0]
    z = stage.z.detach()
    drawn = draw(stage.p, *z.shape[:2]).detach()
    coin = noise(torch.rand, z.shape[:2], 0, dtype=z.dtype, device=z.device) < 0.5
    chosen = torch.where(coin.view(*coin.shape, *(1 for _ in z.shape[2:])), drawn, z)
    return decoded(model, trace, chosen).glance()
