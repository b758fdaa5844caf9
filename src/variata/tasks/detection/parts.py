"""The parts of a score: what makes a row unusual, each by a rule of its own."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from variata.tasks.detection.evidence import Evidence

NEAREST = 5  # which of the nearest latents is the neighbour
CROWD = 0.05  # share of the latents that are the crowd
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

    def distances(self, z: Tensor) -> Tensor:
        """To the fifth nearest latent and to a twentieth of all, in posterior widths, (N, 2).

        Args:
            z: latents, (N, L).

        >>> known = Reference(torch.arange(200.0)[:, None], torch.tensor([0.5]), torch.ones(1))
        >>> known.distances(torch.tensor([[0.0], [-3.0]]))
        tensor([[ 8., 18.],
                [14., 24.]])
        """
        near, count = self.z / self.unit, len(self.z)
        ranks = [min(NEAREST, count), min(max(NEAREST, round(CROWD * count)), count)]
        each = (torch.cdist(part / self.unit, near) for part in z.split(ROWS))
        sorted_ = (d.topk(ranks[1], largest=False).values for d in each)
        return torch.cat([d[:, [rank - 1 for rank in ranks]] for d in sorted_])


def parts(
    found: Evidence, improbable: Tensor | None, reference: Reference, elements: int
) -> dict[str, Tensor]:
    """Why rows may be unusual, (N,) each, more for less usual rows.

    - neighbours: nats that it takes to tell x by way of a normal row's latent, d^2 / 2 + r^2 / 2,
      with d the distance to that latent in posterior widths, and r that of x from its own
      reconstruction in units of what reconstructions of normal rows leave. For a Gaussian
      likelihood it is, but for a constant, the negative ELBO where the prior is made of the
      posteriors of normal rows.
    - crowd: the same by way of a latent that a twentieth of all are nearer than, so that anomalies
      among the rows that were learned, which often come in groups, do not vouch for each other.
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
    near, far = ((reference.distances(found.z).square() + residual[:, None]) / 2).unbind(1)
    known = {"neighbours": near, "crowd": far, "error": found.left.mean(1)}
    return known if improbable is None else known | {"likelihood": improbable}
