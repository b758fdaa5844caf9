"""The parts of a score: what makes a row unusual, each by a rule of its own."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from variata.tasks.detection.evidence import Evidence

NEAREST = 5  # which of the nearest latents counts
ROWS = 512  # whose distances are computed at a time
LEAST = 1e-6  # variance that a reconstruction leaves


@dataclass(frozen=True)
class Reference:
    """What is known of normal rows.

    Attributes:
        z: posterior means, (R, L).
        unit: what counts as near in each dimension, (L,): the width of the posterior, or where it
            has none, of the latents.
        left: variance that reconstructions leave, of each column (D,) or of all pixels (1,).
    """

    z: Tensor
    unit: Tensor
    left: Tensor

    @classmethod
    def of(cls, known: Evidence) -> Reference:
        """By what a model says of normal rows."""
        width, spread = known.scale.square().mean(0).sqrt(), known.z.std(0, unbiased=False)
        unit = torch.where(width > 0, width, spread.clamp_min(1e-6))
        return cls(known.z, unit, known.left.mean(0).clamp_min(LEAST))

    def distance(self, z: Tensor) -> Tensor:
        """To the fifth nearest latent, in posterior widths, (N,), for z (N, L).

        >>> known = Reference(torch.arange(6.0)[:, None], torch.tensor([0.5]), torch.ones(1))
        >>> known.distance(torch.tensor([[0.0], [-3.0]]))
        tensor([ 8., 14.])
        """
        near, count = self.z / self.unit, min(NEAREST, len(self.z))
        each = (torch.cdist(part / self.unit, near) for part in z.split(ROWS))
        return torch.cat([d.topk(count, largest=False).values[:, -1] for d in each])


def parts(
    found: Evidence, improbable: Tensor | None, reference: Reference, elements: int
) -> dict[str, Tensor]:
    """Why rows may be unusual, (N,) each, more for less usual rows.

    - neighbours: nats that it takes to tell x by way of a normal row's latent, d^2 / 2 + r^2 / 2,
      with d the distance to that latent in posterior widths, and r that of x from its own
      reconstruction in units of what reconstructions of normal rows leave. For a Gaussian
      likelihood it is, but for a constant, the negative ELBO where the prior is made of the
      posteriors of normal rows.
    - error: the mean squared error of the reconstruction, in which columns count alike.
    - likelihood: minus the importance-weighted bound; left out where a model has none.

    Args:
        improbable: the last of them.
        elements: of a row.

    References:
        VAE with a VampPrior (Tomczak and Welling, 2018), arXiv:1705.07120
        Importance Weighted Autoencoders (Burda et al., 2015), arXiv:1509.00519
    """
    residual = elements * (found.left / reference.left).mean(1)
    near = (reference.distance(found.z).square() + residual) / 2
    both = {"neighbours": near, "error": found.left.mean(1)}
    return both if improbable is None else both | {"likelihood": improbable}
