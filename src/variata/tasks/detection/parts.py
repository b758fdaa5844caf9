"""The parts of a score: what makes a row unusual, each by a rule of its own."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from variata.tasks.detection.evidence import Evidence

NEAREST = 5  # which of the nearest latents counts
ROWS = 512  # whose distances are computed at a time
WEIGHTS = {"neighbours": 4.0, "error": 1.0, "likelihood": 2.0}


@dataclass(frozen=True)
class Reference:
    """The latents of normal rows.

    Attributes:
        z: posterior means, (R, L).
        unit: what counts as near in each dimension, (L,): the width of the posterior, or where it
            has none, of the latents.
    """

    z: Tensor
    unit: Tensor

    @classmethod
    def of(cls, z: Tensor, scale: Tensor) -> Reference:
        """The latents of rows, by their posteriors' means and standard deviations, (R, L)."""
        width, spread = scale.square().mean(0).sqrt(), z.std(0, unbiased=False)
        return cls(z, torch.where(width > 0, width, spread.clamp_min(1e-6)))

    def distance(self, z: Tensor) -> Tensor:
        """To the fifth nearest latent, in posterior widths, (N,), for z (N, L).

        >>> known = Reference(torch.arange(6.0)[:, None], torch.tensor([0.5]))
        >>> known.distance(torch.tensor([[0.0], [-3.0]]))
        tensor([ 8., 14.])
        """
        near, count = self.z / self.unit, min(NEAREST, len(self.z))
        each = (torch.cdist(part / self.unit, near) for part in z.split(ROWS))
        return torch.cat([d.topk(count, largest=False).values[:, -1] for d in each])


def parts(found: Evidence, reference: Reference) -> dict[str, Tensor]:
    """Why rows may be unusual, (N,) each, more for less usual rows.

    - neighbours: nats that it takes to tell x by way of a normal row's latent, d^2 / 2 -
      log p(x | z) with d the distance to that latent in posterior widths: the negative ELBO where
      the prior is made of the posteriors of normal rows.
    - error: the squared error of the reconstruction, in which columns of a table count alike.
    - likelihood: minus the importance-weighted bound; left out where a model has none.

    References:
        VAE with a VampPrior (Tomczak and Welling, 2018), arXiv:1705.07120
        Importance Weighted Autoencoders (Burda et al., 2015), arXiv:1509.00519
    """
    near = reference.distance(found.z).square() / 2 + found.distortion
    both = {"neighbours": near, "error": found.error}
    return both if found.bound is None else both | {"likelihood": found.bound}
