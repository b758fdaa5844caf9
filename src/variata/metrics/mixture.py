"""The aggregate posterior of Gaussian posteriors: the mixture of the posteriors of all examples."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from variata.errors import DataError, ShapeError
from variata.metrics.rows import as_rows, some_rows


@dataclass(frozen=True)
class Posteriors:
    """Diagonal Gaussian posteriors of N examples: means and scales (N, Z), float64."""

    means: Tensor
    scales: Tensor

    @classmethod
    def of(cls, means: Tensor, scales: Tensor, limit: int, seed: int) -> Posteriors:
        """Check both, flatten the latent's axes, and keep `limit` examples drawn at random.

        Raises:
            ShapeError: means and scales differ in shape.
            DataError: a value is not finite, a scale is not positive, fewer than 2 examples.
        """
        if means.shape != scales.shape:
            raise ShapeError(
                f"posteriors: expected means and scales of one shape, "
                f"got {tuple(means.shape)} and {tuple(scales.shape)}."
            )
        m, s = as_rows(means, "posterior means", 2), as_rows(scales, "posterior scales", 2)
        if bool((s <= 0).any()):
            raise DataError(f"posterior scales: expected positive numbers, got {s.min().item()}.")
        both = some_rows(torch.cat([m, s], 1), limit, seed)
        return cls(both[:, : m.shape[1]], both[:, m.shape[1] :])

    def __len__(self) -> int:
        return len(self.means)

    def rate(self) -> Tensor:
        """Return KL(q(z|x) || N(0, I)) of each example, (N,) nats, in closed form."""
        each = self.means**2 + self.scales**2 - 1 - 2 * self.scales.log()
        return each.sum(1) / 2

    def sample(self, generator: torch.Generator) -> Tensor:
        """Return one z of each posterior, (N, Z)."""
        noise = torch.randn(self.means.shape, generator=generator, dtype=self.means.dtype)
        return self.means + self.scales * noise.to(self.means.device)

    def own_log_prob(self, z: Tensor) -> Tensor:
        """Return log q(z_i|x_i) of each example's own z, (N,) nats."""
        each = -(((z - self.means) / self.scales) ** 2) / 2 - self.scales.log()
        return each.sum(1) - self.means.shape[1] * math.log(2 * math.pi) / 2

    def mixture_log_prob(self, z: Tensor, chunk: int = 512) -> Tensor:
        """Return log (1/N) sum_j q(z_i|x_j) of each example's own z, (N,) nats.

        The own component is set exactly, not by the expanded square, so that
        log q(z_i) >= log q(z_i|x_i) - log N holds to the last digit.
        """
        own = self.own_log_prob(z)
        starts = range(0, len(z), chunk)
        parts = [self._against_all(z[i : i + chunk], own[i : i + chunk], i) for i in starts]
        return torch.cat(parts) - math.log(len(self))

    def _against_all(self, z: Tensor, own: Tensor, start: int) -> Tensor:
        precision = self.scales**-2
        square = (
            z**2 @ precision.T
            - 2 * z @ (self.means * precision).T
            + (self.means**2 * precision).sum(1)
        )
        constant = self.scales.log().sum(1) + z.shape[1] * math.log(2 * math.pi) / 2
        log_prob = -square.clamp_min(0) / 2 - constant
        rows = torch.arange(len(z), device=z.device)
        log_prob[rows, rows + start] = own
        return log_prob.logsumexp(1)
