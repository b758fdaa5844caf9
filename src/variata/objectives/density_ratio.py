"""Total correlation by a critic that tells latents from latents with shuffled dimensions."""

from __future__ import annotations

import torch
from torch import Tensor

from variata.models import LatentModel, Trace
from variata.noise import noise
from variata.objectives.critic import LatentNetwork, telling_apart
from variata.objectives.player import Player
from variata.schedules import Moment


class DensityRatio(Player):
    """KL(q(z) || prod_d q(z_d)) as the mean logit of a critic, (K, B), in nats per example.

    The critic learns to tell latents of the batch from the same with every dimension shuffled over
    the rows, which have the distribution prod_d q(z_d). Its best logit is log q(z) / prod_d q(z_d).
    Rows are shuffled among those at hand: where a batch is divided over processes or taken in
    pieces, within each piece. A row on its own stays as it is, so that nothing can be told.

    Args:
        latent: number of latent dimensions.
        width: of each of the critic's three layers.

    Reference:
        Disentangling by Factorising (Kim and Mnih, 2018), arXiv:1802.05983
    """

    latest = True

    def __init__(self, latent: int, width: int = 256) -> None:
        super().__init__()
        self.network = LatentNetwork(latent, width)

    def forward(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        return self.network(trace.stages[0].z)

    def loss(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        """What the critic pays, (K, B), nats: log 2 where dimensions are independent."""
        z = trace.stages[0].z.detach().flatten(2)
        return telling_apart(self.network(z), self.network(shuffled(z)))


def shuffled(z: Tensor) -> Tensor:
    """Latents (K, B, Z) with each dimension in an order of rows of its own.

    >>> torch.equal(shuffled(torch.ones(1, 4, 2)), torch.ones(1, 4, 2))
    True
    """
    keys = noise(torch.rand, z.shape, 1, dtype=z.dtype, device=z.device)
    return z.gather(1, keys.argsort(1))
