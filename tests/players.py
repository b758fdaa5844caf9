"""A recipe with a player, for tests of the engine: a critic tells posterior from prior draws."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from variata import recipes
from variata.models import LatentModel, Trace
from variata.objectives import Distortion, Objective, Player
from variata.schedules import Moment, constant
from variata.shapes import draw
from variata.training import Phase


class Critic(Player):
    """log D(z) for latents of the posterior, against latents of the prior."""

    pace = 0.5

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.network = nn.Sequential(nn.Linear(latent, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        return softplus(-self.network(trace.stages[0].z)).squeeze(-1)

    def loss(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        stage = trace.stages[0]
        drawn = draw(stage.p, *stage.z.shape[:2])
        fake, real = self.network(stage.z.detach()), self.network(drawn)
        return (softplus(fake) + softplus(-real)).squeeze(-1)


def with_a_critic(seed: int = 0, width: int = 5) -> tuple[LatentModel, list[Phase], Critic]:
    """A small adversarial autoencoder."""
    torch.manual_seed(seed)
    model = recipes.ae(shape=(width,), latent=2, hidden=(8,)).model
    critic = Critic(2)
    terms = {"distortion": (constant(1), Distortion()), "critic": (constant(3), critic)}
    return model, [Phase(Objective(**terms))], critic
