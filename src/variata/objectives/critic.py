"""What critics of latents have in common: a network, and a loss for telling two samples apart."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import softplus

from variata.nn.mlp import stack
from variata.shapes import full

DEPTH = 3


class LatentNetwork(nn.Module):
    """One logit for each latent: z (K, B, *Z) -> (K, B); 0 until it has learned.

    Args:
        latent: number of latent dimensions.
        width: of each of three layers.

    >>> import torch
    >>> LatentNetwork(2, width=8)(torch.ones(1, 3, 2))
    tensor([[0., 0., 0.]], grad_fn=<SqueezeBackward1>)
    """

    def __init__(self, latent: int, width: int) -> None:
        super().__init__()
        self.layers, self.output = stack(latent, [width] * DEPTH), nn.Linear(width, 1)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, z: Tensor) -> Tensor:
        return full(self.output(self.layers(z.flatten(2)))).squeeze(-1)


def telling_apart(these: Tensor, those: Tensor) -> Tensor:
    """The cross-entropy of a critic, nats: log 2 where it cannot tell. From logits, never infinite.

    Args:
        these: logits where "yes" is right.
        those: logits where "no" is right.

    >>> import torch
    >>> telling_apart(torch.tensor(0.0), torch.tensor(0.0))
    tensor(0.6931)
    """
    return (softplus(-these) + softplus(those)) / 2
