"""A critic that tells the latents of examples from those of the prior."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus

from variata.models import LatentModel, Stage, Trace
from variata.objectives.critic import LatentNetwork, telling_apart
from variata.objectives.player import Player
from variata.schedules import Moment
from variata.shapes import draw


class LatentCritic(Player):
    """-log D(z), (K, B), nats: what latents pay for looking unlike those of the prior.

    D(z) is the critic's probability that z comes from the prior. This loss does not saturate: it
    has its largest gradient where the critic is sure. At best, D = p / (p + q) with the aggregate
    posterior q, and the model pays log 2 once q(z) = p(z). Rows do not meet here, so pieces of a
    batch change nothing.

    Args:
        latent: number of latent dimensions.
        width: of each of the critic's three layers.
        informed: whether the density of the prior is added to the logit, log p(z) less its mean,
            so that only that of the posterior is left to learn.

    Reference:
        Adversarial Autoencoders (Makhzani et al., 2015), arXiv:1511.05644
    """

    pace = 0.3  # at the model's own, the critic runs ahead and the two chase each other
    latest = True

    def __init__(self, latent: int, width: int = 256, informed: bool = False) -> None:
        super().__init__()
        self.network, self.informed = LatentNetwork(latent, width), informed

    def forward(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        stage = trace.stages[0]
        return softplus(-self.logit(stage, stage.z))

    def loss(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        """What the critic pays, (K, B), nats: log 2 where it cannot tell."""
        stage = trace.stages[0]
        z, drawn = stage.z.detach(), draw(stage.p, *stage.z.shape[:2]).detach()
        return telling_apart(self.logit(stage, drawn), self.logit(stage, z))

    def logit(self, stage: Stage, z: Tensor) -> Tensor:
        """log D / (1 - D) at latents (K, B, *Z), (K, B)."""
        logit = self.network(z)
        if not self.informed:
            return logit
        return logit + stage.p.log_prob(z) + stage.p.entropy()
