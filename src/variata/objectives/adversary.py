"""A critic that tells examples of the data from those of a generator."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from variata.models import LatentModel, Trace
from variata.noise import noise
from variata.objectives.critic import telling_apart
from variata.objectives.player import Player
from variata.schedules import Moment

FAINT = 0.02
STEP = 0.1  # of the differences that slopes are estimated by: safe for products in bf16


class Adversary(Player):
    """-log D(y), (K, B), nats: what a generator pays for examples y that look unlike the data.

    The loss does not saturate: it has its largest gradient where D is sure. D itself also pays for
    its slope at the data, (gamma / 2) |dD/dx|^2, which is estimated along a random direction by a
    difference: what is called R1, without a second differentiation. Of examples under a condition
    it judges whether they suit it. Rows do not meet, so pieces of a batch change nothing.

    Args:
        network: a critic of x (N, *X), with `features` (N, F), and an `output` of these.
        features: F. context: C, of c (B, C); 0 for none. gamma: weight of the slope.
        pixels: by which images are moved at most before they are judged, those of the data and
            those that are made alike: so few examples cannot be known by heart.

    References:
        Generative Adversarial Networks (Goodfellow et al., 2014), arXiv:1406.2661
        Which Training Methods for GANs do actually Converge? (Mescheder et al., 2018),
        arXiv:1801.04406
        Differentiable Augmentation for Data-Efficient GAN Training (Zhao et al., 2020),
        arXiv:2006.10738
        cGANs with Projection Discriminator (Miyato and Koyama, 2018), arXiv:1802.05637
    """

    momentum = 0.0  # with it, the two swing around each other
    latest = True

    def __init__(
        self, network: nn.Module, features: int, context: int, gamma: float, pixels: int
    ) -> None:
        super().__init__()
        self.network, self.gamma, self.pixels = network, gamma, pixels
        self.told = nn.Linear(context, features, bias=False) if context else None
        output: Any = network.output
        nn.init.normal_(output.weight, std=FAINT)  # or a generator would feel nothing at first

    def forward(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        return softplus(-self._logit(_made(trace), trace))

    def loss(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        """What the critic pays, (K, B), nats: log 2 where it cannot tell, and for its slope."""
        made = _made(trace).detach()
        x = self._moved(trace.observed.x.expand_as(made))
        judged = telling_apart(self._judged(x, trace), self._logit(made, trace))
        if not self.gamma:
            return judged
        dims = x.dim() - 2
        along = STEP * noise(torch.randn, x.shape, dims, dtype=x.dtype, device=x.device)
        rise = self._judged(x + along, trace) - self._judged(x - along, trace)
        return judged + self.gamma / 2 * (rise / (2 * STEP)).square()

    def _logit(self, examples: Tensor, trace: Trace) -> Tensor:
        return self._judged(self._moved(examples), trace)

    def _judged(self, examples: Tensor, trace: Trace) -> Tensor:
        """The logit of each of the examples (K, B, *X), (K, B)."""
        network: Any = self.network
        found = network.features(examples.flatten(0, 1)).unflatten(0, examples.shape[:2])
        logit = network.output(found).squeeze(-1)
        c = trace.observed.c
        return logit if self.told is None or c is None else logit + (self.told(c) * found).sum(-1)

    def _moved(self, images: Tensor) -> Tensor:
        """Images (K, B, C, H, W), each moved on its own; the border comes in."""
        if not self.pixels:
            return images
        shape = torch.Size((*images.shape[:2], 2))
        by = noise(torch.rand, shape, 1, dtype=images.dtype, device=images.device)
        by = ((2 * self.pixels + 1) * by).long() - self.pixels
        for dim in (-2, -1):
            size = images.shape[dim]
            places = torch.arange(size, device=by.device) + by[..., dim, None]
            ones = (1, 1, size, 1) if dim == -2 else (1, 1, 1, size)
            index = places.clamp(0, size - 1).view(*by.shape[:2], *ones[1:]).expand_as(images)
            images = images.gather(dim, index)
        return images


def _made(trace: Trace) -> Tensor:
    """Examples (K, B, *X) of the generator."""
    likelihood: Any = trace.likelihood
    return likelihood.glance()
